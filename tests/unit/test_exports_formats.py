"""Bytes of published files: Parquet, CSV and JSON are typed, ordered, safe to open and the same for the same rows."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports import ExportError
from exports.formats import (
    Selection,
    check_written,
    connect,
    neutralised,
    normalised_type,
    write_csv,
    write_csv_rows,
    write_json,
    write_parquet,
)
from exports.publications import Column, Table

TYPES = {
    "name": "VARCHAR",
    "day": "DATE",
    "value": "DECIMAL(18,4)",
    "is_ours": "BOOLEAN",
    "seen_at": "TIMESTAMP WITH TIME ZONE",
}
ROWS = [
    ("Parks", date(2026, 9, 30), Decimal("-1.5"), True, "2026-10-14 09:30:00+01"),
    ("Libraries, museums", None, Decimal("1234.5678"), False, None),
    ('The "Hub"', date(2026, 6, 30), None, None, "2026-01-02 03:04:05.678+00"),
    (None, None, None, None, None),
    ("=cmd|' /C calc'!A0", date(2026, 1, 1), Decimal(0), True, None),
    ("two\r\nlines", date(2026, 1, 1), Decimal(0), True, None),
]


def selection(order_by: tuple[str, ...] = ()) -> Selection:
    columns = tuple(Column(name, kind, f"About {name}.", frozenset()) for name, kind in TYPES.items())
    return Selection(Table("marts", "feed", "", columns), columns, order_by)


def database(path: Path, rows: list[tuple[object, ...]]) -> duckdb.DuckDBPyConnection:
    with duckdb.connect(str(path)) as connection:
        listed = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
        connection.execute(f"create schema marts; create table marts.feed ({listed})")
        if rows:
            connection.executemany("insert into marts.feed values (?, ?, ?, ?, ?)", rows)
    return connect(path)


def test_csv_bytes(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", ROWS)
    assert write_csv(connection, selection(), tmp_path / "feed.csv") == 6
    assert (tmp_path / "feed.csv").read_bytes().decode("utf-8") == (
        "name,day,value,is_ours,seen_at\r\n"
        ",,,,\r\n"
        "'=cmd|' /C calc'!A0,2026-01-01,0.0000,true,\r\n"
        '"Libraries, museums",,1234.5678,false,\r\n'
        "Parks,2026-09-30,-1.5000,true,2026-10-14T08:30:00.000000Z\r\n"
        '"The ""Hub""",2026-06-30,,,2026-01-02T03:04:05.678000Z\r\n'
        '"two\r\nlines",2026-01-01,0.0000,true,\r\n'
    )
    check_written(connection, selection(), tmp_path / "feed.csv", "csv", TYPES)


def test_rows_follow_the_order_asked_for_and_then_every_column(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", ROWS)
    write_csv(connection, selection(("value",)), tmp_path / "feed.csv")
    with (tmp_path / "feed.csv").open(newline="", encoding="utf-8") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["", "", "-1.5000", "0.0000", "0.0000", "1234.5678"]


@pytest.mark.parametrize(
    ("cell", "published"),
    [
        ("=1+1", "'=1+1"),
        ("+44 117", "'+44 117"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("＝1", "'＝1"),
        ("−5", "−5"),
        ("Q2 = Jul–Sep", "Q2 = Jul–Sep"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_neutralised(cell: str, published: str, tmp_path: Path) -> None:
    """The rule in SQL (tables) and the rule in Python (dictionary) are one rule."""
    assert neutralised(cell) == published
    connection = database(tmp_path / "x.duckdb", [(cell, date(2026, 1, 1), Decimal(-5), True, None)])
    write_csv(connection, selection(), tmp_path / "feed.csv")
    with (tmp_path / "feed.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert row["name"] == published
    assert row["value"] == "-5.0000"  # a number is a number
    check_written(connection, selection(), tmp_path / "feed.csv", "csv", TYPES)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=5))
def test_any_text_comes_back_as_it_was_published(cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").unlink(missing_ok=True)
    with database(tmp_path / "x.duckdb", [(cell, date(2026, 1, 1), None, None, None) for cell in cells]) as connection:
        write_csv(connection, selection(), tmp_path / "feed.csv")
    text = (tmp_path / "feed.csv").read_bytes().decode("utf-8")
    read = [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert sorted(read) == sorted(neutralised(cell) for cell in cells)


def test_a_list_cannot_become_csv(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute("create schema marts; create table marts.feed (tags varchar[])")
    column = Column("tags", "varchar[]", "", frozenset())
    chosen = Selection(Table("marts", "feed", "", (column,)), (column,))
    with pytest.raises(ExportError, match=r"column 'tags' is a VARCHAR\[\], which CSV cannot hold"):
        write_csv(connect(tmp_path / "x.duckdb"), chosen, tmp_path / "feed.csv")


def test_small_lists_are_written_by_the_same_rules(tmp_path: Path) -> None:
    write_csv_rows(tmp_path / "dictionary.csv", ["column", "rows"], [["=a", 3], ['b,"c"', None]])
    assert (tmp_path / "dictionary.csv").read_bytes() == b'column,rows\r\n\'=a,3\r\n"b,""c""",\r\n'


def test_parquet_is_typed_sorted_and_described(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", ROWS)
    metadata = {"notice": "Every figure is made up.", "council": "Brigstow"}
    assert write_parquet(connection, selection(), tmp_path / "feed.parquet", metadata) == 6
    table = pq.read_table(tmp_path / "feed.parquet")
    assert [str(field.type) for field in table.schema] == [
        "string", "date32[day]", "decimal128(18, 4)", "bool", "timestamp[us, tz=UTC]",
    ]  # fmt: skip
    assert table["name"].to_pylist()[:2] == [None, "=cmd|' /C calc'!A0"]  # untouched: nothing runs Parquet
    assert table["value"].to_pylist()[3] == Decimal("-1.5000")
    assert table.schema.metadata[b"notice"] == b"Every figure is made up."
    assert table.schema.field("day").metadata[b"description"] == b"About day."
    check_written(connection, selection(), tmp_path / "feed.parquet", "parquet", TYPES)


def test_json_bytes(tmp_path: Path) -> None:
    connection = database(
        tmp_path / "x.duckdb", [*ROWS[:2], ("=1\t−2", None, Decimal("99999999999999.0001"), None, None)]
    )
    assert write_json(connection, selection(), tmp_path / "feed.json", {"b": "2", "a": "£1"}) == 3
    text = (tmp_path / "feed.json").read_bytes().decode("utf-8")
    assert text.startswith('{\n  "metadata": {\n    "a": "£1",\n    "b": "2"\n  },\n  "columns": [\n')
    assert text.partition('  "rows": [\n')[2] == (
        '    {"name": "=1\\t−2", "day": null, "value": 99999999999999.0001, "is_ours": null, "seen_at": null},\n'
        '    {"name": "Libraries, museums", "day": null, "value": 1234.5678, "is_ours": false, "seen_at": null},\n'
        '    {"name": "Parks", "day": "2026-09-30", "value": -1.5000, "is_ours": true, '
        '"seen_at": "2026-10-14T08:30:00.000000Z"}\n'
        "  ]\n}\n"
    )
    assert json.loads(text)["columns"][2] == {
        "name": "value", "type": "DECIMAL(18,4)", "description": "About value.",
    }  # fmt: skip
    check_written(connection, selection(), tmp_path / "feed.json", "json", TYPES)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=5))
def test_any_text_comes_back_from_json_untouched(cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").unlink(missing_ok=True)
    with database(tmp_path / "x.duckdb", [(cell, date(2026, 1, 1), None, None, None) for cell in cells]) as connection:
        write_json(connection, selection(), tmp_path / "feed.json", {})
        check_written(connection, selection(), tmp_path / "feed.json", "json", TYPES)
    read = json.loads((tmp_path / "feed.json").read_text(encoding="utf-8"))["rows"]
    assert sorted(row["name"] for row in read) == sorted(cells)


def test_json_that_differs_from_the_database_is_found_out(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", ROWS[:2])
    path = tmp_path / "feed.json"
    write_json(connection, selection(), path, {})
    text = path.read_text(encoding="utf-8")
    for old, new, said in (
        ("1234.5678", "1234.5679", "its rows differ"),
        ("1234.5678", '"1234.5678"', "its rows differ"),
        ("true", "1", "its rows differ"),
        ("null", '""', "its rows differ"),
        ("DECIMAL(18,4)", "DOUBLE", "its columns"),
        ('"rows": [', '"rows": [{},', "3 rows written, 2 in"),
    ):
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(ExportError, match=said):
            check_written(connection, selection(), path, "json", TYPES)


def test_a_reader_of_one_measure_skips_most_row_groups(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(
            "create schema marts; create table marts.feed as select * from (select "
            "printf('M%02d', i // 1000)::varchar as name, date '2026-01-01' as day, "
            "(i % 1000)::decimal(18, 4) as value, true as is_ours, null::timestamptz as seen_at "
            "from range(50000) as t(i)) order by hash(value)"
        )
    write_parquet(connect(tmp_path / "x.duckdb"), selection(), tmp_path / "feed.parquet", {})
    assert pq.read_table(tmp_path / "feed.parquet", columns=["name"])["name"].to_pylist() == [
        f"M{i // 1000:02}" for i in range(50_000)
    ]
    metadata = pq.ParquetFile(tmp_path / "feed.parquet").metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [20_480, 20_480, 9_040]
    ranges = [(group.column(0).statistics.min, group.column(0).statistics.max) for group in groups]
    assert ranges == [("M00", "M20"), ("M20", "M40"), ("M40", "M49")]
    first = groups[0].sorting_columns[0]
    assert (first.column_index, first.descending, first.nulls_first) == (0, False, True)


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    """In whatever order the rows lie, with any number of threads."""
    many = [(f"Unit {i % 7}", date(2026, 1, 1), Decimal(i % 1000), i % 2 == 0, None) for i in range(3000)]
    found = set()
    for number, rows in enumerate((many, many[::-1])):
        connection = database(tmp_path / f"{number}.duckdb", rows)
        for threads in (1, 4):
            connection.execute(f"set threads = {threads}")
            write_parquet(connection, selection(), tmp_path / "feed.parquet", {"b": "2", "a": "1"})
            write_csv(connection, selection(), tmp_path / "feed.csv")
            write_json(connection, selection(), tmp_path / "feed.json", {"b": "2", "a": "1"})
            found.add(tuple((tmp_path / f"feed.{suffix}").read_bytes() for suffix in ("parquet", "csv", "json")))
    assert len(found) == 1


def test_an_empty_table_is_a_header(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", [])
    assert write_csv(connection, selection(), tmp_path / "feed.csv") == 0
    assert write_parquet(connection, selection(), tmp_path / "feed.parquet", {}) == 0
    assert (tmp_path / "feed.csv").read_bytes() == b"name,day,value,is_ours,seen_at\r\n"
    check_written(connection, selection(), tmp_path / "feed.csv", "csv", TYPES)
    check_written(connection, selection(), tmp_path / "feed.parquet", "parquet", TYPES)
    assert write_json(connection, selection(), tmp_path / "feed.json", {}) == 0
    assert json.loads((tmp_path / "feed.json").read_text(encoding="utf-8"))["rows"] == []
    check_written(connection, selection(), tmp_path / "feed.json", "json", TYPES)


def test_a_file_that_differs_from_the_database_is_found_out(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", ROWS[:1])
    for suffix, write in (("csv", write_csv), ("parquet", lambda *a: write_parquet(*a, {}))):
        write(connection, selection(), tmp_path / f"feed.{suffix}")
    text = (tmp_path / "feed.csv").read_bytes()

    def check(suffix: str) -> None:
        check_written(connection, selection(), tmp_path / f"feed.{suffix}", suffix, TYPES)

    (tmp_path / "feed.csv").write_bytes(text + text.splitlines(keepends=True)[1])
    with pytest.raises(ExportError, match=r"feed.csv: 2 rows written, 1 in"):
        check("csv")
    (tmp_path / "feed.csv").write_bytes(text.replace(b"-1.5000", b"-1.6000"))
    with pytest.raises(ExportError, match=r"feed.csv: its rows differ"):
        check("csv")
    (tmp_path / "feed.csv").write_bytes(text.replace(b"value", b"valeu"))
    with pytest.raises(ExportError, match=r"feed.csv: its header"):
        check("csv")
    table = pq.read_table(tmp_path / "feed.parquet")
    pq.write_table(pa.concat_tables([table, table]), tmp_path / "feed.parquet")
    with pytest.raises(ExportError, match=r"feed.parquet: 2 rows written, 1 in"):
        check("parquet")
    pq.write_table(table.set_column(2, "value", pa.array([-1.5])), tmp_path / "feed.parquet")
    with pytest.raises(ExportError, match=r"feed.parquet: its columns .* are not those of the contract"):
        check("parquet")


def test_types_are_compared_in_one_spelling(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", [])
    assert normalised_type(connection, "numeric(18, 4)", "x") == "DECIMAL(18,4)"
    assert normalised_type(connection, "timestamptz", "x") == "TIMESTAMP WITH TIME ZONE"
    with pytest.raises(ExportError, match=r"exposure .x.: .varchr. is not a type"):
        normalised_type(connection, "varchr", "exposure 'x'")


def test_the_database_is_opened_to_read_only(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", [])
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        connection.execute("drop table marts.feed")
    with pytest.raises(ExportError, match="Build the quarter first"):
        connect(tmp_path / "absent.duckdb")
