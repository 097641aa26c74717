"""The public edition of a small curated database: what is in its files, and when it is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import exports_fixture
import pytest

from exports import audit
from exports.errors import ExportError
from exports.facts import Disclosure
from exports.public import read_factors, read_figures, read_structure, write_public
from exports.publications import publications_of

UNITS = {"C": (40, 60), "A": (2, 10), "B": (9, 20), "D": (29, 30)}
COLUMNS = ("council", "measure_id", "unit_id", "area_id", "basis", "period_type", "period_start", "period_end",
           "numerator", "denominator", "value")  # fmt: skip
TYPES = ("varchar",) * 6 + ("date",) * 2 + ("decimal(18,4)",) * 3


def manifest() -> dict[str, object]:
    columns = {
        name: {"name": name, "data_type": kind, "config": {"meta": {"audiences": ["internal", "public"]}}}
        for name, kind in zip(COLUMNS, TYPES, strict=True)
    }
    model = {"resource_type": "model", "name": "feed_measure_values", "schema": "marts", "columns": columns,
             "config": {"contract": {"enforced": True}}}  # fmt: skip
    meta = {"audiences": ["internal", "public"], "formats": ["parquet", "csv"], "version": 1, "method": "Counted."}
    exposure = {"name": "feed_measure_values", "depends_on": {"nodes": ["m"]}, "config": {"meta": meta}}
    return {"nodes": {"m": model}, "exposures": {"e": exposure}}


def database(units: dict[str, tuple[int, int]], counts_people: str | None = "both") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema marts; create schema core")
    listed = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, TYPES, strict=True))
    connection.execute(f"create table marts.feed_measure_values ({listed})")
    for unit, (numerator, denominator) in units.items():
        value = round(Decimal(numerator) * 100 / denominator, 1)
        connection.execute(
            "insert into marts.feed_measure_values values (?, 'M1', ?, '', 'reported', 'quarter', ?, ?, ?, ?, ?)",
            [exports_fixture.COUNCIL, unit, date(2026, 7, 1), date(2026, 9, 30), numerator, denominator, value],
        )
    connection.execute("create table core.dim_units as select * from (values ('C', null), ('A', 'C'), ('B', 'C'), "
                       "('D', 'C')) as t (unit_id, parent_unit_id)")  # fmt: skip
    connection.execute(
        "create table core.dim_measures as select 'M1' as measure_id, 'upheld' as numerator_label, "
        "'decided' as denominator_label, 'percent' as value_unit, 100 as multiplier, 1 as decimal_places, "
        "cast(? as varchar) as counts_people", [counts_people],
    )  # fmt: skip
    return connection


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "r1" / "public"
    made.mkdir(parents=True)
    yield made


def write(
    connection: duckdb.DuckDBPyConnection, folder: Path, earlier: tuple[Path, ...] = ()
) -> dict[str, tuple[object, ...]]:
    write_public(connection, publications_of(manifest()), folder, exports_fixture.FACTS, "2026-27-Q2/r1", earlier)
    rows = duckdb.sql(
        f"select unit_id, numerator, denominator, value, reason from '{folder}/feeds/feed_measure_values.parquet'"
    ).fetchall()
    return {unit: tuple(rest) for unit, *rest in rows}


def test_a_small_count_and_what_gives_it_away_are_hidden(folder: Path) -> None:
    rows = write(database(UNITS), folder)
    assert rows["A"] == (None, Decimal(10), None, "suppressed")
    assert rows["B"] == (None, Decimal(20), None, "suppressed")  # or C less B and D would be A
    assert rows["C"] == (Decimal(40), Decimal(60), Decimal("66.7"), None)


def test_zero_stays_zero(folder: Path) -> None:
    rows = write(database({"C": (29, 60), "A": (0, 10), "B": (0, 20), "D": (29, 30)}), folder)
    assert rows["A"] == (Decimal(0), Decimal(10), Decimal(0), None)


def test_what_counts_nobody_is_shown_and_what_does_not_say_is_not(folder: Path, tmp_path: Path) -> None:
    assert write(database(UNITS, "none"), folder)["A"][0] == 2
    other = tmp_path / "r2" / "public"
    other.mkdir(parents=True)
    assert write(database(UNITS, None), other)["A"][0] is None


def test_a_count_that_an_earlier_release_showed_refuses_the_edition(folder: Path, tmp_path: Path) -> None:
    write(database(UNITS, "none"), folder)
    later = tmp_path / "r2" / "public"
    later.mkdir(parents=True)
    with pytest.raises(ExportError, match="the numerator of M1 for unit A"):
        write(database(UNITS), later, (folder,))


def test_months_that_an_earlier_release_showed_tell_the_quarter_now(folder: Path, tmp_path: Path) -> None:
    """Today's rules publish no months of units. An earlier release did, and they add up to what is hidden now."""

    def with_months(counts_people: str) -> duckdb.DuckDBPyConnection:
        connection = database({**UNITS, "A": (5, 10), "B": (6, 20)}, counts_people)
        for month, numerator in ((7, 2), (8, 2), (9, 1)):
            connection.execute(
                "insert into marts.feed_measure_values values "
                "(?, 'M1', 'A', '', 'reported', 'month', ?, last_day(?::date), ?, 9, 1)",
                [exports_fixture.COUNCIL, date(2026, month, 1), date(2026, month, 1), numerator],
            )
        return connection

    earlier = with_months("none")
    write_public(earlier, publications_of(manifest()), folder, exports_fixture.FACTS, "2026-27-Q2/r1", ())
    feeds = folder.parent / "feeds"
    feeds.mkdir()
    earlier.execute(f"copy marts.feed_measure_values to '{feeds / 'feed_measure_values.parquet'}'")
    # Of the earlier release only the months are left: the quarter itself it did not show.
    public = folder / "feeds" / "feed_measure_values.parquet"
    duckdb.sql(
        f"copy (from '{public}' where period_type = 'month' or unit_id <> 'A') to '{public}.new' (format parquet)"
    )
    Path(f"{public}.new").replace(public)
    later = tmp_path / "r2" / "public"
    later.mkdir(parents=True)
    with pytest.raises(ExportError, match="the numerator of M1 for unit A, quarter"):
        write_public(with_months("both"), publications_of(manifest()), later, exports_fixture.FACTS, "r2", (folder,))


def test_below_the_council_running_figures_that_overlap_are_not_for_the_public(folder: Path) -> None:
    """Twelve months to September less twelve months to June tell one quarter less another."""
    connection = database({})
    connection.execute("alter table core.dim_measures add column accumulation varchar")
    connection.execute("update core.dim_measures set accumulation = 'rolling_12_months'")
    connection.execute(
        "create table core.dim_periods as select 'financial_year' as period_type, date '2026-03-31' as period_end"
    )
    quarters = [(date(2025, 7, 1), date(2026, 3, 31)), (date(2025, 10, 1), date(2026, 6, 30))]
    for unit, (basis, kind) in itertools.product(
        ("C", "A"), (("reported", "quarter"), ("in_period", "quarter"), ("reported", "month"))
    ):
        for start, end in quarters:
            connection.execute(
                "insert into marts.feed_measure_values values (?, 'M1', ?, '', ?, ?, ?, ?, 50, 100, 50)",
                [exports_fixture.COUNCIL, unit, basis, kind, start, end],
            )
    write(connection, folder)
    shown = duckdb.sql(
        "select unit_id, basis, period_type, period_end "
        f"from '{folder}/feeds/feed_measure_values.parquet' where unit_id = 'A'"
    ).fetchall()
    assert shown == [("A", "reported", "quarter", date(2026, 3, 31))]
    ((whole,),) = duckdb.sql(
        f"select count(*) from '{folder}/feeds/feed_measure_values.parquet' where unit_id = 'C'"
    ).fetchall()
    assert whole == 6


def test_the_audit_reads_the_files_and_not_the_suppressor(folder: Path) -> None:
    """Put the second hidden count back into the file: the audit names the first."""
    connection = database(UNITS)
    write(connection, folder)
    path = folder / "feeds" / "feed_measure_values.parquet"
    duckdb.sql(f"copy (select * replace (case when unit_id = 'B' then 9 else numerator end as numerator) "
               f"from '{path}') "
               f"to '{path}.new' (format parquet)")  # fmt: skip
    Path(f"{path}.new").replace(path)
    told = audit.prove(
        folder, read_figures(connection), read_structure(connection), [], read_factors(connection), Disclosure()
    )
    assert told == ["the numerator of M1 for unit A, quarter from 2026-07-01 (reported) can only be 2 to 2"]


def test_a_shown_ratio_is_noticed(folder: Path) -> None:
    connection = database(UNITS)
    write(connection, folder)
    path = folder / "feeds" / "feed_measure_values.parquet"
    duckdb.sql(f"copy (select * replace (case when unit_id = 'A' then 20.0 else value end as value) from '{path}') "
               f"to '{path}.new' (format parquet)")  # fmt: skip
    Path(f"{path}.new").replace(path)
    told = audit.prove(
        folder, read_figures(connection),
        read_structure(connection), [], read_factors(connection), Disclosure(),
    )  # fmt: skip
    assert any("unit A" in each for each in told)


def test_the_package_says_what_the_standard_asks_for(folder: Path) -> None:
    write(database(UNITS), folder)
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["licenses"][0]["name"] == "OGL-UK-3.0"
    assert package["name"] == package["name"].lower() and " " not in package["name"]
    for resource in package["resources"]:
        path = folder / resource["path"]
        assert path.stat().st_size == resource["bytes"]
        names = [field["name"] for field in resource["schema"]["fields"]]
        if resource["format"] == "csv":
            assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(names)
            described = json.loads((path.parent / f"{path.name}-metadata.json").read_text(encoding="utf-8"))
            assert [column["name"] for column in described["tableSchema"]["columns"]] == names


def test_the_same_figures_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write(database(UNITS), folder)
    again = tmp_path / "again" / "public"
    again.mkdir(parents=True)
    write(database(UNITS), again)
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert all((folder / path).read_bytes() == (again / path).read_bytes() for path in files)
