"""Versions of a contract: what landed under an earlier one is read through the migrations written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.builders import (
    Q1,
    Q2,
    Q3,
    column,
    contract_document,
    extract_of,
    key,
    make_contract,
    rows_of,
    write_contract,
)

from sources.contract import LINEAGE, Contract, load_contract
from sources.errors import ConfigurationError
from sources.landing import Landed, extracts_in_force, land
from sources.periods import Quarter
from sources.store import rows

FIRST = [key("ref"), column("pence", "integer", required=True), column("person", classification="personal")]
SECOND = [key("ref"), column("amount_gbp", "DECIMAL(14,2)", required=True), column("channel")]
THIRD = [*SECOND, column("is_large", "boolean", required=True)]
TO_SECOND = "select ref, pence / 100 as amount_gbp, 'post' as channel, columns('^_') from extract;\n"
TO_THIRD = "-- From March 2026 on.\nselect *, amount_gbp >= 100 as is_large from extract\n"


def version(folder: Path, number: str, columns: Sequence[dict[str, Any]], **custom: Any) -> Contract:
    document = contract_document(columns, load="snapshot", **custom) | {"version": number}
    path = write_contract(folder, document)
    load_contract.cache_clear()
    return load_contract(path)


def migration(folder: Path, name: str, select: str) -> None:
    path = folder / "contracts" / "made" / "migrations" / f"{name}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(select, encoding="utf-8")


def put(contract: Contract, data: Path, quarter: Quarter, **values: str) -> Landed:
    (landed,) = land(contract, [extract_of(contract, [values], quarter)], data, [quarter])
    assert landed.error is None
    return landed


def read(contract: Contract, data: Path, columns: str = "*", as_of: datetime | None = None) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        select = rows(con, contract, extracts_in_force(contract, data, as_of))
        con.execute(f"create view raw as {select}")
        return con.execute(f"select {columns} from raw order by _period_start, ref").fetchall()


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, Contract, list[Landed]]:
    """A quarter landed under each of three versions, the third of which is in force."""
    data = tmp_path / "data"
    landed = [put(version(tmp_path, "1.0.0", FIRST), data, Q1, ref="A", pence="12050", person="somebody")]
    migration(tmp_path, "things_1.0.0_to_2.0.0", TO_SECOND)
    landed.append(put(version(tmp_path, "2.1.0", SECOND), data, Q2, ref="B", amount_gbp="7", channel="web"))
    migration(tmp_path, "things_2.0.0_to_3.0.0", TO_THIRD)
    third = version(tmp_path, "3.0.0", THIRD)
    landed.append(put(third, data, Q3, ref="C", amount_gbp="500", channel="phone", is_large="no"))
    return data, third, landed


def test_every_version_is_read_as_the_newest(history: tuple[Path, Contract, list[Landed]]) -> None:
    data, contract, _ = history
    assert read(contract, data, "ref, amount_gbp, channel, is_large, _period_start") == [
        ("A", Decimal("120.50"), "post", True, Q1.start),
        ("B", Decimal("7.00"), "web", False, Q2.start),
        ("C", Decimal("500.00"), "phone", False, Q3.start),
    ]


def test_types_and_columns_are_the_contracts_and_no_others(history: tuple[Path, Contract, list[Landed]]) -> None:
    data, contract, _ = history
    with duckdb.connect() as con:
        select = rows(con, contract, extracts_in_force(contract, data))
        found = con.sql(f"describe {select}").fetchall()
        expected = con.sql(f"describe {contract.zero_rows()}").fetchall()
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    assert "person" not in [row[0] for row in found], "what the contract no longer has must not come through"


def test_where_a_row_came_from_is_kept(history: tuple[Path, Contract, list[Landed]]) -> None:
    data, contract, landed = history
    for quarter, item in zip((Q1, Q2, Q3), landed, strict=True):
        assert item.path is not None
        found = [row for row in read(contract, data, ", ".join(LINEAGE)) if row[2] == quarter.start]
        assert found == rows_of(item.path, ", ".join(LINEAGE))
        assert found[0][0] == item.path.stem


def test_as_of_a_moment_the_same_rows_are_read_for_ever(history: tuple[Path, Contract, list[Landed]]) -> None:
    data, contract, landed = history
    before = read(contract, data)
    files = {item.path: item.path.read_bytes() for item in landed if item.path}
    moment = max(extract.extracted_at for extract in extracts_in_force(contract, data))
    put(contract, data, Q1, ref="A", amount_gbp="120.50", channel="post", is_large="yes")
    assert read(contract, data)[0][:4] == ("A", Decimal("120.50"), "post", True)
    assert read(contract, data, as_of=moment) == before
    assert {path: path.read_bytes() for path in files} == files, "what has landed is never written again"


def test_a_new_major_version_without_a_migration_names_the_file_to_write(tmp_path: Path) -> None:
    put(version(tmp_path, "1.2.0", FIRST), tmp_path / "data", Q1, ref="A", pence="1")
    contract = version(tmp_path, "2.0.0", SECOND)
    with pytest.raises(ConfigurationError) as error:
        read(contract, tmp_path / "data")
    assert str(error.value) == (
        "made.things: extracts in force landed under version 1.2.0 of the contract, which is now 2.0.0: what they hold "
        "is no longer what it describes. Write "
        "sources/contracts/made/migrations/things_1.2.0_to_2.0.0.sql: one SELECT … "
        "FROM extract that makes the new columns of the old ones, or land them again."
    )
    put(contract, tmp_path / "data", Q1, ref="A", amount_gbp="0.01")
    assert read(contract, tmp_path / "data", "ref, amount_gbp") == [("A", Decimal("0.01"))], (
        "landed again, none is needed"
    )


def test_columns_that_came_within_a_major_version_are_null_before(tmp_path: Path) -> None:
    put(version(tmp_path, "2.0.0", SECOND), tmp_path / "data", Q1, ref="A", amount_gbp="1")
    more = [*SECOND, column("on_date", "date")]
    contract = version(tmp_path, "2.1.0", more)
    put(contract, tmp_path / "data", Q2, ref="B", amount_gbp="2", on_date="2025-07-01")
    assert read(contract, tmp_path / "data", "ref, on_date") == [("A", None), ("B", date(2025, 7, 1))]


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("select ref, pence / 100 as amount_gbp from extract", "gives no '_extract_id', '_extracted_at', "),
        ("select ref, columns('^_') from extract", "gives no 'amount_gbp'. It selects every column that the contract"),
        ("select ref, penny as amount_gbp, columns('^_') from extract", 'column "penny" not found'),
        ("selec ref from extract", "syntax error"),
        ("", "syntax error"),
    ],
)
def test_a_migration_that_does_not_do_names_its_file(tmp_path: Path, select: str, message: str) -> None:
    put(version(tmp_path, "1.0.0", FIRST), tmp_path / "data", Q1, ref="A", pence="1")
    migration(tmp_path, "things_1.0.0_to_2.0.0", select)
    contract = version(tmp_path, "2.0.0", SECOND)
    with pytest.raises(
        ConfigurationError, match=r"^sources/contracts/made/migrations/things_1\.0\.0_to_2\.0\.0\.sql: "
    ) as error:
        read(contract, tmp_path / "data")
    assert message.lower() in str(error.value).lower()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["things_1.0_to_2.0.0"],
            "migrations/things_1.0_to_2.0.0.sql: name it things_<version>_to_<a later major vers",
        ),
        (["things_2.0.0_to_1.0.0"], "migrations/things_2.0.0_to_1.0.0.sql: name it"),
        (["things_1.0.0_to_1.1.0"], "migrations/things_1.0.0_to_1.1.0.sql: name it"),
        (
            ["things_1.0.0_to_2.0.0", "things_1.1.0_to_2.0.0"],
            "migrations/things_1.1.0_to_2.0.0.sql: there is another one from version 1. Keep one.",
        ),
    ],
)
def test_a_migration_wrongly_named_is_a_fault_of_the_contract(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        migration(tmp_path, name, TO_SECOND)
    with pytest.raises(ConfigurationError) as error:
        version(tmp_path, "2.0.0", SECOND)
    assert error.value.problems[0].startswith(f"sources/contracts/made/things.yaml: {message}")


def test_a_version_has_three_numbers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"version: '2' is not a version; write for example 1\.0\.0"):
        version(tmp_path, "2", SECOND)


def test_another_datasets_migrations_are_its_own(tmp_path: Path) -> None:
    migration(tmp_path, "things_of_others_1.0.0_to_2.0.0", TO_SECOND)
    assert version(tmp_path, "2.0.0", SECOND).migrations == ()


def test_nothing_landed_gives_no_rows_of_the_right_types(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="snapshot")
    assert read(replace(contract, version="9.0.0"), tmp_path / "data") == []
