"""The connector `database` against real SQLite files: read-only, by period, and plain about what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, Q4, column, files_in, key, make_contract, make_source, rows_of

from sources.config import Source
from sources.connectors.database import Connection, opened
from sources.contract import Contract
from sources.errors import SourceError
from sources.landing import Landed, land

QUERY = "select person, fte_ratio, hired from assignment"
COLUMNS = {"employee_id": "person", "fte": "fte_ratio", "start_date": "hired"}


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path, key("employee_id"), column("fte", "DECIMAL(5,3)"), column("start_date", "date"), column("note")
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "hr.db"
    with sqlite3.connect(path) as con:
        con.execute("create table assignment (person text, fte_ratio real, hired text, note text)")
        con.executemany(
            "insert into assignment values (?, ?, ?, ?)",
            [
                ("P1", 1.0, "2020-04-01", "a"),
                ("P2", 0.6, "2025-05-01", None),
                ("P3", 0.0001, "2025-07-01", "c"),
                ("P4", None, "2025-06-30", ""),
            ],
        )
    con.close()
    return path


def source_at(folder: Path, path: Path, contract: Contract, **dataset: Any) -> Source:
    document = {
        "system": "made",
        "owner": "owner@brigstow.example",
        "connector": "database",
        "connection": {"uri": f"sqlite://{path}"},
        "datasets": {"things": {"query": QUERY, "columns": COLUMNS, "absent": ["note"]} | dataset},
    }
    return make_source(folder, document, {contract.name: contract})


def fetched(
    folder: Path, path: Path, contract: Contract, quarters: Sequence[Any] = (Q1,), **dataset: Any
) -> list[Landed]:
    source = source_at(folder, path, contract, **dataset)
    return land(contract, source.extract("things", list(quarters)), folder / "data", list(quarters))


def test_a_query_lands_with_the_contracts_types(tmp_path: Path, database: Path, contract: Contract) -> None:
    (landed,) = fetched(tmp_path, database, contract)
    assert landed.error is None
    assert rows_of(landed.path, "employee_id, fte, start_date, note, _source, _source_row") == [
        ("P1", Decimal("1.000"), date(2020, 4, 1), None, "hr.db: things", 1),
        ("P2", Decimal("0.600"), date(2025, 5, 1), None, "hr.db: things", 2),
        ("P3", Decimal("0.000"), date(2025, 7, 1), None, "hr.db: things", 3),
        ("P4", None, date(2025, 6, 30), None, "hr.db: things", 4),
    ]


def test_the_quarters_bounds_are_parameters_in_any_order(tmp_path: Path, database: Path) -> None:
    made = make_contract(tmp_path, key("employee_id"), column("start_date", "date"), load="incremental")
    query = "select person, hired from assignment where hired < :period_end and hired >= :period_start"
    settings = {"query": query, "columns": {"employee_id": "person", "start_date": "hired"}, "absent": []}
    landed = fetched(tmp_path, database, made, (Q1, Q2, Q4), **settings)
    assert [item.quarter for item in landed] == [Q1, Q2, Q4]
    assert [rows_of(item.path, "employee_id") for item in landed] == [[("P2",), ("P4",)], [("P3",)], []], (
        "30 June belongs to the first quarter, 1 July to the second"
    )


def test_a_parameter_may_stand_twice_and_a_colon_in_text_is_none(tmp_path: Path, database: Path) -> None:
    made = make_contract(tmp_path, key("employee_id"), column("note"), load="incremental")
    query = (
        "select person, 'at 10:30, :period' as note from assignment "
        "where hired >= :period_start and (hired < :period_end or hired = :period_start)"
    )
    (landed,) = fetched(tmp_path, database, made, query=query, columns={"employee_id": "person"}, absent=[])
    assert rows_of(landed.path, "employee_id, note") == [("P2", "at 10:30, :period"), ("P4", "at 10:30, :period")]


@pytest.mark.parametrize(
    "query",
    [
        "delete from assignment",
        "update assignment set hired = null returning person, fte_ratio, hired",
        "insert into assignment values ('P9', 1, '2025-04-01', null) returning person, fte_ratio, hired",
        "drop table assignment",
        "create table x as select * from assignment",
    ],
)
def test_an_attempt_to_write_is_refused(tmp_path: Path, database: Path, contract: Contract, query: str) -> None:
    before = database.read_bytes()
    with pytest.raises(SourceError, match=r"^hr\.db: things: the query must be one select \(or with … select\)\.$"):
        fetched(tmp_path, database, contract, query=query)
    assert database.read_bytes() == before
    assert files_in(tmp_path / "data") == []


def test_the_database_itself_refuses_to_be_written_to(database: Path) -> None:
    """Whatever a query could smuggle past the check."""
    connection = Connection(uri=f"sqlite://{database}")
    with pytest.raises(SourceError, match=r"the query was refused: .*readonly database"):  # noqa: SIM117
        with opened(connection, "delete from assignment", "hr.db") as (_, rows):
            list(rows)


def test_a_database_that_is_not_there_is_named_and_not_made(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "gone.db"
    (landed,) = fetched(tmp_path, path, contract)
    message = "gone.db: there is no such database file. Check connection.uri and its variable."
    assert landed.error == message
    assert not path.exists()
    with pytest.raises(SourceError) as error:
        source_at(tmp_path, path, contract).reach()
    assert str(error.value) == message


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"not a database" * 100), lambda path: path.mkdir()])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, contract: Contract, make: Callable[[Path], Any]) -> None:
    path = tmp_path / "odd.db"
    make(path)
    (landed,) = fetched(tmp_path, path, contract)
    assert landed.error is not None
    assert landed.error.startswith("odd.db: ")


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path, database: Path, contract: Contract) -> None:
    (landed,) = fetched(tmp_path, database, contract, columns={**COLUMNS, "fte": "fte_ration"})
    assert landed.error == (
        "hr.db: things: the query gives no column 'fte_ration' for made.things.fte. Did you mean 'fte_ratio'? "
        "It gives: 'person', 'fte_ratio', 'hired'. Nothing landed. "
        "Mend `datasets.things.query` or `columns.fte` in the source's YAML."
    )
    (landed,) = fetched(tmp_path, database, contract, absent=[])
    assert landed.error is not None and "no column 'note' for made.things.note." in landed.error


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select person from asignment", "no such table: asignment"),
        ("select persn from assignment", "no such column: persn"),
        ("select from where", "syntax error"),
    ],
)
def test_a_query_that_the_database_refuses_is_shown_its_words(
    tmp_path: Path, database: Path, contract: Contract, query: str, words: str
) -> None:
    (landed,) = fetched(tmp_path, database, contract, query=query)
    assert landed.error is not None
    assert landed.error.startswith("hr.db: things: the query was refused: ")
    assert words in landed.error
    with pytest.raises(SourceError, match=r"^hr\.db: the query was refused: "):
        source_at(tmp_path, database, contract, query=query).reach()


def many(path: Path, values: Sequence[Any]) -> None:
    with sqlite3.connect(path) as con:
        con.execute("create table grown (ref integer, score)")
        con.executemany("insert into grown values (?, ?)", enumerate(values))
    con.close()


def test_a_column_that_changes_its_type_on_the_way_is_refused(tmp_path: Path) -> None:
    """SQLite types values, not columns: the driver takes the first 65,536 rows for the rule."""
    made = make_contract(tmp_path, key("ref"), column("score"))
    path = tmp_path / "grown.db"
    many(path, [*range(66_000), "from here on text"])
    (landed,) = fetched(tmp_path, path, made, query="select ref, score from grown", columns={}, absent=[])
    assert landed.error is not None
    assert landed.error.startswith("grown.db: things: a column changes its type along the way (")
    assert landed.error.endswith("). Cast it to text in the query.")
    assert files_in(tmp_path / "data") == [], "not even the rows before it"
    cast = "select ref, cast(score as text) as score from grown"
    (landed,) = fetched(tmp_path, path, made, query=cast, columns={}, absent=[])
    assert (landed.error, landed.rows) == (None, 66_001), "the remedy works"
    assert rows_of(landed.path, "max(_source_row), count(distinct _source_row)", "1") == [(66_001, 66_001)]


def test_a_column_empty_at_first_is_read(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("ref"), column("score"))
    path = tmp_path / "grown.db"
    many(path, [None] * 10 + ["late"])
    (landed,) = fetched(tmp_path, path, made, query="select ref, score from grown", columns={}, absent=[])
    assert rows_of(landed.path, "score")[-1] == ("late",)


def test_a_code_is_mapped_and_a_constant_set(tmp_path: Path, database: Path, contract: Contract) -> None:
    (tmp_path / "sources").mkdir(exist_ok=True)
    (tmp_path / "sources" / "notes.csv").write_text("from,to\na,first\nc,third\n", encoding="utf-8")
    columns = {**COLUMNS, "fte": {"constant": "0.5"}, "note": {"field": "note", "map_file": "notes.csv"}}
    query = "select person, hired, note from assignment"
    (landed,) = fetched(tmp_path, database, contract, query=query, columns=columns, absent=[])
    assert rows_of(landed.path, "fte, note") == [
        (Decimal("0.500"), "first"),
        (Decimal("0.500"), None),
        (Decimal("0.500"), "third"),
        (Decimal("0.500"), None),
    ]


def test_a_symbol_stands_for_a_value_and_is_counted(tmp_path: Path, database: Path, contract: Contract) -> None:
    query = "select person, coalesce(fte_ratio, 'c') as fte_ratio, hired from assignment order by fte_ratio desc"
    form = {"symbols": {"c": "suppressed"}, "reason_column": "note"}
    (landed,) = fetched(tmp_path, database, contract, query=f"select * from ({query})", format=form, absent=[])
    assert (landed.error, landed.rejected) == (None, 0)
    assert sorted(rows_of(landed.path, "employee_id, note")) == [
        ("P1", None), ("P2", None), ("P3", None), ("P4", "suppressed"),
    ]  # fmt: skip
    assert "'c' stands for a value 1 time: suppressed" in landed.notes


@pytest.mark.parametrize("end", ["", ";", " ;\n", " -- to the end\n", "\n"])
def test_reaching_reads_no_row_and_takes_what_extraction_takes(
    tmp_path: Path, database: Path, contract: Contract, end: str
) -> None:
    source = source_at(tmp_path, database, contract, query=QUERY + end)
    source.reach()
    (landed,) = land(contract, source.extract("things", [Q1]), tmp_path / "data", [Q1])
    assert landed.rows == 4


def test_a_path_with_signs_that_addresses_know_is_opened(tmp_path: Path, database: Path, contract: Contract) -> None:
    odd = tmp_path / "people & pay 100% #1?.db"
    database.rename(odd)
    (landed,) = fetched(tmp_path, odd, contract)
    assert (landed.error, landed.rows) == (None, 4)
