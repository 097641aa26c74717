"""Workbooks read back: real tables, true types, charts with words, and text that stays text."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import fastexcel
import pytest
from exports_fixture import FACTS

from exports import ExportError, workbook
from exports.formats import Selection, connect
from exports.publications import Column, Publication, Table
from exports.workbook import write_workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
REPORT = {
    "council": "varchar", "measure_id": "varchar", "measure_name": "varchar", "numerator": "decimal(18,4)",
    "value": "decimal(18,4)", "decimal_places": "integer", "is_provisional": "boolean", "period_start": "date",
    "seen_at": "timestamptz", "narrative": "varchar",
}  # fmt: skip
SERIES = {
    "measure_id": "varchar", "measure_name": "varchar", "unit_level": "varchar", "area_id": "varchar",
    "period_start": "date", "period_end": "date", "period_label": "varchar", "basis": "varchar",
    "value": "decimal(18,4)", "value_unit": "varchar", "decimal_places": "integer", "mean": "decimal(18,4)",
    "lower_limit": "decimal(18,4)", "upper_limit": "decimal(18,4)",
}  # fmt: skip
ROWS = f"""
    ('{FACTS.council}', 'B02', '=1+1', 31, -39.7436, 1, true, date '2026-07-01', timestamptz '2026-10-14 09:30:00+01',
     'http://example.org/x'),
    ('{FACTS.council}', 'A01', '007', null, null, 0, false, null, null, '+44 117'),
    ('{FACTS.council}', 'C03', '@sum', 1284.5, 12, 0, false, date '2025-10-01', null, null)
"""


def table(name: str, columns: dict[str, str]) -> Table:
    listed = tuple(Column(column, kind, f"About {column}.", frozenset()) for column, kind in columns.items())
    return Table("marts", name, f"What {name} holds.", listed)


def selection(name: str, columns: dict[str, str], order_by: tuple[str, ...] = ()) -> Selection:
    found = table(name, columns)
    return Selection(found, found.columns, order_by)


def publication(name: str = "report_leadership") -> Publication:
    return Publication(
        name, "Leadership report", "What the board reads.", "Counted, then divided.", "Insight team",
        "insight@council.example", "report", 1, ("internal",), ("xlsx",), (), (table(name, REPORT),),
    )  # fmt: skip


def database(path: Path, rows: str = ROWS) -> duckdb.DuckDBPyConnection:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        for name, columns in (("report_leadership", REPORT), ("feed_spc", SERIES)):
            listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"create table marts.{name} ({listed})")
        if rows:
            connection.execute(f"insert into marts.report_leadership values {rows}")
        # B02 also has a running total, C03 one point only, and a ward's figures are not the council's.
        connection.execute("""
            insert into marts.feed_spc
            select measure, 'Bins & boxes', 'council', area, date '2026-01-01' + i::integer * 7,
                date '2026-01-07' + i::integer * 7, 'Week ' || i || ' (of the year)', basis, start + i % 3 - i // 40,
                'percent', 1,
                start, start - 2, start + 2
            from range(50) as t(i)
            cross join (values ('B02', '', 'in_period', 50), ('B02', '', 'reported', 500),
                ('B02', 'E05', 'reported', 1),
                ('A01', '', 'reported', -3), ('C03', '', 'reported', 4)) as m(measure, area, basis, start)
            where measure <> 'C03' or i = 0
        """)
    return connect(path)


def write(folder: Path, connection: duckdb.DuckDBPyConnection, name: str = "x.xlsx", charts: bool = True) -> Path:
    series = selection("feed_spc", SERIES) if charts else None
    chosen = [selection("report_leadership", REPORT, ("measure_id",))]
    write_workbook(connection, publication(), chosen, folder / name, FACTS, "2026-27-Q2/r1", series)
    return folder / name


def parts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name).decode("utf-8") for name in book.namelist()}


def sheet_xml(path: Path, name: str) -> ElementTree.Element:
    names = fastexcel.read_excel(path).sheet_names
    return ElementTree.fromstring(parts(path)[f"xl/worksheets/sheet{names.index(name) + 1}.xml"])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write(tmp_path, database(tmp_path / "x.duckdb"))


def test_rows_come_back_with_their_types_in_their_order(book: Path) -> None:
    reader = fastexcel.read_excel(book)
    assert reader.sheet_names == ["Read me", "Leadership", "Charts", "Chart data", "Columns"]
    found = reader.load_sheet("Leadership").to_arrow().to_pydict()
    assert list(found) == [name.capitalize().replace("_", " ") for name in REPORT]
    assert found["Measure id"] == ["A01", "B02", "C03"]
    assert found["Measure name"] == ["007", "=1+1", "@sum"]  # neither a number nor formulas
    assert found["Narrative"] == ["+44 117", "http://example.org/x", None]
    assert found["Value"] == [None, -39.7436, 12]
    assert found["Is provisional"] == [False, True, False]
    assert [day and day.date() for day in found["Period start"]] == [None, date(2026, 7, 1), date(2025, 10, 1)]
    assert str(found["Seen at"][1]).startswith("2026-10-14 08:30")  # UTC, as in the other files


def test_nothing_is_a_formula_or_a_link(book: Path) -> None:
    sheets = {name: text for name, text in parts(book).items() if name.startswith("xl/worksheets/sheet")}
    assert len(sheets) == 5
    for text in sheets.values():
        assert "<f>" not in text
        assert "<hyperlink" not in text


def test_tables_are_excel_tables_with_frozen_headers_and_filters(book: Path) -> None:
    sheet = sheet_xml(book, "Leadership")
    pane = sheet.find(f".//{MAIN}pane")
    assert pane is not None
    assert (pane.get("ySplit"), pane.get("topLeftCell"), pane.get("state")) == ("1", "A2", "frozen")
    tables = {
        found.get("name"): found
        for found in (ElementTree.fromstring(text) for name, text in parts(book).items() if "xl/tables/" in name)
    }
    assert set(tables) == {"report_leadership", "chart_data", "columns_explained"}
    report = tables["report_leadership"]
    assert report.get("ref") == "A1:J4"
    assert report.find(f"{MAIN}autoFilter") is not None
    headings = [column.get("name") for column in report.iter(f"{MAIN}tableColumn")]
    assert headings[:3] == ["Council", "Measure id", "Measure name"]


def test_headings_carry_what_the_columns_mean(book: Path) -> None:
    notes = [text for name, text in parts(book).items() if name.startswith("xl/comments")]
    assert len(notes) == 1
    assert [f"About {name}." in notes[0] for name in REPORT] == [True] * len(REPORT)
    columns = fastexcel.read_excel(book).load_sheet("Columns").to_arrow().to_pydict()
    assert columns["Name in feeds"] == list(REPORT)
    assert columns["Meaning"][4] == "About value."


def test_numbers_show_the_places_of_their_row_and_a_true_minus(book: Path) -> None:
    styles = ElementTree.fromstring(parts(book)["xl/styles.xml"])
    codes = {code.get("numFmtId"): code.get("formatCode") for code in styles.iter(f"{MAIN}numFmt")}
    cells = styles.find(f"{MAIN}cellXfs")
    assert cells is not None
    shown = {}
    for cell in sheet_xml(book, "Leadership").iter(f"{MAIN}c"):
        if cell.get("r") in ("D3", "D4", "E3", "E4", "H3"):
            shown[cell.get("r")] = codes[cells[int(cell.get("s") or 0)].get("numFmtId")]
    assert shown == {
        "D3": "#,##0;−#,##0", "D4": "#,##0.0;−#,##0.0", "E3": "#,##0.0;−#,##0.0", "E4": "#,##0;−#,##0",
        "H3": "d mmm yyyy",
    }  # fmt: skip


def test_charts_are_native_and_say_what_they_show(book: Path) -> None:
    """In the report's order; a measure with one point has no line, the period alone goes before a running total."""
    charts = [text for name, text in sorted(parts(book).items()) if name.startswith("xl/charts/chart")]
    assert len(charts) == 2
    assert all(text.count("<c:ser>") == 4 for text in charts)
    assert "Bins &amp; boxes (%)" in charts[0]
    drawing = next(text for name, text in parts(book).items() if name.startswith("xl/drawings/drawing"))
    described = re.findall(r'descr="([^"]*)"', drawing)
    assert len(described) == 2
    assert described[0].startswith(
        "Line chart. Bins &amp; boxes (%), Week 14 to Week 49: the last figure is −3.0, the mean −3.0"
    )
    assert "the last figure is 50.0, the mean 50.0, the limits of usual variation 48.0 and 52.0" in described[1]
    points = fastexcel.read_excel(book).load_sheet("Chart data").to_arrow().to_pydict()
    assert len(points["Value"]) == 2 * workbook.MOST_POINTS
    assert points["Value"][:3] == [-1, -3, -2]  # weeks 14, 15, 16 of A01


def test_without_control_charts_there_are_no_charts(tmp_path: Path) -> None:
    path = write(tmp_path, database(tmp_path / "x.duckdb"), charts=False)
    assert fastexcel.read_excel(path).sheet_names == ["Read me", "Leadership", "Columns"]


def test_the_read_me_says_what_when_and_whose(book: Path) -> None:
    text = parts(book)["xl/sharedStrings.xml"]
    for said in (
        "Leadership report", "every figure is made up", "Counted, then divided.", "2026-27-Q2/r1", "14 October 2026",
        FACTS.licence, FACTS.attribution[0], "insight@council.example", "three rows. What report_leadership holds.",
    ):  # fmt: skip
        assert said in text, said
    assert "every figure is made up" in parts(book)["docProps/core.xml"]
    assert all("every figure is made up" in xml for name, xml in parts(book).items() if "xl/worksheets/sheet" in name)


def test_an_empty_table_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, database(tmp_path / "x.duckdb", rows=""))
    assert fastexcel.read_excel(path).sheet_names == ["Read me", "Leadership", "Columns"]
    found = fastexcel.read_excel(path).load_sheet("Leadership").to_arrow().to_pydict()
    assert found["Council"] == ["There are no rows for this period."]
    assert not [name for name, text in parts(path).items() if "xl/tables/" in name and "report_leadership" in text]


def test_equal_rows_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = database(tmp_path / "x.duckdb")
    first = write(tmp_path, connection, "a.xlsx").read_bytes()
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    connection.execute("set threads = 4")
    assert write(tmp_path, connection, "b.xlsx").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        assert {entry.date_time[:3] for entry in book.infolist()} == {(1980, 1, 1)}
    assert "2026-10-14T00:00:00Z" in parts(tmp_path / "a.xlsx")["docProps/core.xml"]


def test_text_longer_than_a_cell_is_cut_with_a_mark(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.duckdb", ROWS.replace("'http://example.org/x'", "repeat('x', 40000)"))
    found = fastexcel.read_excel(write(tmp_path, connection)).load_sheet("Leadership").to_arrow().to_pydict()
    assert len(found["Narrative"][1]) == workbook.MOST_TEXT
    assert found["Narrative"][1].endswith("x…")


def test_a_table_larger_than_a_sheet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    with pytest.raises(ExportError, match=r"'report_leadership' has 3 rows, a sheet holds 2\. Take xlsx out"):
        write(tmp_path, database(tmp_path / "x.duckdb"))


def test_a_real_council_s_workbook_does_not_call_its_figures_made_up(tmp_path: Path) -> None:
    facts = replace(FACTS, council="Rotherby & Dale Council", is_fictional=False)
    chosen = [selection("report_leadership", REPORT)]
    write_workbook(database(tmp_path / "x.duckdb"), publication(), chosen, tmp_path / "x.xlsx", facts)
    assert not [name for name, text in parts(tmp_path / "x.xlsx").items() if "made up" in text]
    assert "Rotherby &amp;&amp; Dale Council" in parts(tmp_path / "x.xlsx")["xl/worksheets/sheet1.xml"]


LINES = {
    "council": "varchar", "section_order": "integer", "recipient_name": "varchar", "section_name": "varchar",
    "measure_name": "varchar", "unit_name": "varchar", "period_label": "varchar", "value": "decimal(18,4)",
    "value_unit": "varchar", "decimal_places": "integer", "status": "varchar", "variation": "varchar",
    "sentence": "varchar",
}  # fmt: skip


def lines(folder: Path) -> Path:
    """A report's workbook of two lines for one recipient and two units."""
    with duckdb.connect(str(folder / "lines.duckdb")) as connection:
        connection.execute("create schema marts")
        columns = ", ".join(f"{name} {kind}" for name, kind in LINES.items())
        connection.execute(f"create table marts.report_pack ({columns})")
        for order, unit, status, variation in (
            (1, "Homes", "off_target", "special_cause_concern"), (2, "Streets", "no_target", None),
        ):  # fmt: skip
            connection.execute(
                "insert into marts.report_pack values (?, ?, '', 'People', 'Vacant posts', ?, "
                "'Q2 2026/27 (Jul–Sep 2026)', 13.5, 'percent', 1, ?, ?, 'What it says.')",
                [FACTS.council, order, unit, status, variation],
            )
    path = folder / "pack.xlsx"
    with connect(folder / "lines.duckdb") as connection:
        chosen = selection("report_pack", LINES, ("section_order",))
        write_workbook(connection, publication("report_pack"), [chosen], path, FACTS)
    return path


def test_a_report_shows_what_is_read_in_words_and_folds_the_rest(tmp_path: Path) -> None:
    path = lines(tmp_path)
    found = fastexcel.read_excel(path).load_sheet("Pack").to_arrow().to_pydict()
    shown = ["Section", "Measure", "Unit", "Period", "Value", "In", "Against target", "Against usual", "What it says"]
    folded = ["Council", "Section order", "Recipient name", "Decimal places"]
    assert list(found) == shown + folded
    assert found["Against target"] == ["off target", "no target"]
    assert found["Against usual"] == ["worse than usual", None]
    assert (found["In"], found["Period"]) == (["%", "%"], ["Q2 2026/27", "Q2 2026/27"])
    sheet = ElementTree.fromstring(parts(path)["xl/worksheets/sheet2.xml"])
    hidden = [(each.get("min"), each.get("outlineLevel")) for each in sheet.iter(f"{MAIN}col") if each.get("hidden")]
    assert hidden[0] == (str(len(shown) + 1), "1")
    names = fastexcel.read_excel(path).load_sheet("Columns").to_arrow().to_pydict()["Name in feeds"]
    assert sorted(names) == sorted(LINES)
