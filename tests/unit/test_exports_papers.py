"""Papers: who gets one, what it says, and that it is a tagged PDF with the same bytes for the same rows."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typst

from exports import ExportError, papers
from exports.formats import Selection
from exports.publications import Column, Publication, Table
from tests.unit.exports_fixture import FACTS, quarter

TEXT, FIGURE, DAY, FLAG = "varchar", "decimal(18,4)", "date", "boolean"
COLUMNS = {
    "council": TEXT, "report_id": TEXT, "recipient_id": TEXT, "recipient_name": TEXT, "section_order": "int",
    "section_name": TEXT, "line_order": "int", "measure_id": TEXT, "measure_name": TEXT, "unit_id": TEXT,
    "unit_name": TEXT, "owner": TEXT, "period_label": TEXT, "period_start": DAY, "period_end": DAY,
    "numerator": FIGURE, "denominator": FIGURE, "numerator_label": TEXT, "denominator_label": TEXT, "value": FIGURE,
    "value_unit": TEXT, "decimal_places": "int", "polarity": TEXT, "previous_value": FIGURE,
    "year_ago_value": FIGURE, "target": FIGURE, "status": TEXT, "variation": TEXT, "signal_since": DAY,
    "sentence": TEXT, "target_verdict": TEXT, "target_evidence": TEXT, "comparator_sentence": TEXT,
    "narrative": TEXT, "narrative_by": TEXT, "narrative_date": DAY, "reasons": TEXT, "next_question": TEXT,
    "is_provisional": FLAG, "is_small_denominator": FLAG, "is_restated": FLAG, "needs_words": FLAG,
}  # fmt: skip
SPC = {
    "measure_id": TEXT, "unit_id": TEXT, "area_id": TEXT, "period_start": DAY, "period_end": DAY,
    "period_label": TEXT, "value": FIGURE, "is_provisional": FLAG, "process_group": "int", "mean": FIGURE,
    "lower_limit": FIGURE, "upper_limit": FIGURE, "point_type": TEXT, "target": FIGURE, "polarity": TEXT,
}  # fmt: skip
CONCERN, IMPROVEMENT, USUAL = "special_cause_concern", "special_cause_improvement", "common_cause"


def line(name: str, **changes: Any) -> dict[str, Any]:
    """A line on one measure of the whole council in the reporting period, as usual, unless said otherwise."""
    period = quarter(0)
    return {
        **dict.fromkeys(COLUMNS), "council": FACTS.council, "report_id": "test", "recipient_id": "",
        "recipient_name": "", "section_order": 1, "section_name": "People", "line_order": 1,
        "measure_id": name.upper().replace(" ", "-"), "measure_name": name, "unit_id": "BRI",
        "unit_name": FACTS.council.removesuffix(" (fictional)"), "owner": "Director of Resources",
        **{key: period[key] for key in ("period_label", "period_start", "period_end")},
        "numerator": Decimal(310), "denominator": Decimal(400), "numerator_label": "Answered in time",
        "denominator_label": "Letters answered", "value": Decimal("77.5"), "value_unit": "percent",
        "decimal_places": 1, "polarity": "higher", "previous_value": Decimal("79.0"), "target": Decimal(80),
        "status": "off_target", "variation": USUAL, "signal_since": period["period_start"],
        "sentence": f"{name}: 77.5%, within the usual range of 74.0% to 84.0%.", "is_provisional": False,
        "is_small_denominator": False, "is_restated": False, "needs_words": False, **changes,
    }  # fmt: skip


LETTERS = line(
    "Letters answered in time",
    variation=CONCERN,
    needs_words=True,
    is_provisional=True,
    sentence="Letters answered in time: 77.5%, below the usual range of 79.0% to 84.0%: worse than usual. Off target.",
    narrative="Two posts stood vacant.",
    narrative_by="Head of Customer Services,",
    narrative_date=date(2026, 10, 7),
    target_verdict="chance",
    target_evidence="Six of the last 12 periods met 80.0.",
)
MILESTONE = line(
    "A bridge", measure_id="", unit_id="", unit_name="", value=None, value_unit="", target=None, status="overdue",
    variation=None, sentence="A bridge: not met by its date; due Aug 2026 (Harbour Trust).",
)  # fmt: skip


def spc_rows(measure_id: str) -> list[dict[str, Any]]:
    """Eight quarters of a measure's own history, the last below its limits."""
    return [
        {
            "measure_id": measure_id, "unit_id": "BRI", "area_id": "",
            **{key: quarter(back)[key] for key in ("period_start", "period_end", "period_label")},
            "value": Decimal("77.5") if back == 0 else Decimal(81), "is_provisional": back == 0, "process_group": 1,
            "mean": Decimal("81.5"), "lower_limit": Decimal(79), "upper_limit": Decimal(84),
            "point_type": USUAL if back else CONCERN, "target": Decimal(80), "polarity": "higher",
        }
        for back in range(7, -1, -1)
    ]  # fmt: skip


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute("create schema marts")
        fill(made, "feed_spc", SPC, spc_rows(LETTERS["measure_id"]))
        yield made


def fill(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> Selection:
    listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    connection.execute(f"create or replace table marts.{name} ({listed})")
    for row in rows:
        marks = ", ".join("?" for _ in columns)
        connection.execute(f"insert into marts.{name} values ({marks})", [row[column] for column in columns])
    marked = tuple(Column(column, kind, "", frozenset({"internal"})) for column, kind in columns.items())
    return Selection(Table("marts", name, "", marked), marked)


def publication(selection: Selection) -> Publication:
    return Publication(
        name="report_test", label="Test report", description="What it is for. One row per line.", owner="Insight team",
        owner_email="insight@brigstow.example", kind="report", version=1, audiences=("internal",),
        formats=("parquet", "pdf"), method="Counted.", order_by=(), tables=(selection.table,),
    )  # fmt: skip


def written(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]], folder: Path, **options: Any
) -> list[Path]:
    selection = fill(connection, "report_test", COLUMNS, rows)
    return papers.write_papers(connection, publication(selection), [selection], folder, FACTS, **options)


def content(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
    """What the one paper of these rows says."""
    selection = fill(connection, "report_test", COLUMNS, rows)
    (paper,) = papers.read_papers(connection, publication(selection), selection, FACTS, **options)
    return paper.content()


def texts(pdf: bytes, key: bytes) -> list[str]:
    """The text strings that stand under a key: in brackets, or in hexadecimal when they hold more than ASCII."""
    found = []
    for plain, coded in re.findall(rb"/" + key + rb"\s*(?:\(((?:[^()\\]|\\.)*)\)|<([0-9A-F]+)>)", pdf):
        if coded:
            raw = bytes.fromhex(coded.decode())
            found.append(raw.decode("utf-16") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1"))
        else:
            found.append(re.sub(rb"\\(.)", rb"\1", plain).decode("latin-1"))
    return found


def test_one_reader_gets_one_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert written(connection, [LETTERS, line("Sickness")], tmp_path) == [tmp_path / "report_test.pdf"]


def test_each_recipient_gets_a_file_of_their_own(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = [
        line("Sickness", recipient_id="RES", recipient_name="Resources"),
        line("Letters", recipient_id="A/B", recipient_name="Adults"),
    ]
    made = written(connection, rows, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in made] == ["report_test/A-B.pdf", "report_test/RES.pdf"]
    for path, name in zip(made, ("Adults", "Resources"), strict=True):
        assert f"Test report: {name}, {FACTS.period_label}, {FACTS.council}" in texts(path.read_bytes(), b"Title")


def test_recipients_that_would_share_a_file_are_refused(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = [line("Sickness", recipient_id=name, recipient_name=name) for name in ("A/B", "A-B")]
    with pytest.raises(ExportError, match=r"would share A-B\.pdf"):
        written(connection, rows, tmp_path)


def test_no_rows_no_paper(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert written(connection, [], tmp_path) == []


def test_a_cover_is_the_first_page_as_a_small_picture(connection: duckdb.DuckDBPyConnection) -> None:
    selection = fill(connection, "report_test", COLUMNS, [line("Letters answered"), line("Sickness")])
    picture = papers.draw_cover(connection, publication(selection), selection, FACTS)
    assert picture is not None and picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert 380 < width < 420 and abs(height / width - 2**0.5) < 0.01, "a page of A4"
    assert (
        papers.draw_cover(connection, publication(selection), fill(connection, "report_test", COLUMNS, []), FACTS)
        is None
    )


def test_the_same_rows_give_the_same_bytes(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = [LETTERS, line("Sickness", line_order=2), MILESTONE]
    first = written(connection, rows, tmp_path / "one")
    second = written(connection, rows[::-1], tmp_path / "two")
    other = written(connection, [LETTERS], tmp_path / "three")
    assert first[0].read_bytes() == second[0].read_bytes()
    assert first[0].read_bytes() != other[0].read_bytes()
    assert b"D:20261014" in first[0].read_bytes()  # the date is that of the figures


def test_a_paper_is_a_tagged_pdf(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pdf = written(connection, [LETTERS, line("Sickness", line_order=2)], tmp_path)[0].read_bytes()
    assert re.search(rb"/MarkInfo\s*<<[^>]*/Marked true", pdf)
    assert b"/StructTreeRoot" in pdf
    assert texts(pdf, b"Lang")[0] == "en-GB"
    assert re.search(rb"/DisplayDocTitle true", pdf)
    assert re.search(rb"pdfuaid:part\D*1\b", pdf)
    headings = [len(re.findall(rb"/S\s*/H%d\b" % level, pdf)) for level in (1, 2)]
    assert headings[0] == 3, "summary, section, appendix"
    assert headings[1] >= 5
    header_cells = re.findall(rb"/S\s*/TH\b", pdf)
    assert len(header_cells) == 6 + 3, "the compact table's and the definitions'"
    assert len(re.findall(rb"/Scope\s*/Column", pdf)) == len(header_cells)


def test_a_chart_is_told_in_words(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pdf = written(connection, [LETTERS], tmp_path)[0].read_bytes()
    (told,) = texts(pdf, b"Alt")
    assert told.startswith("Line chart of Letters answered in time, Q3 2024/25 to Q2 2026/27: lowest 77.5%")
    assert told.endswith("below the usual range of 79.0% to 84.0%: worse than usual. Off target.")


def test_only_the_vendored_face_is_used(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pdf = written(connection, [LETTERS, line("CO₂ per home", line_order=2)], tmp_path)[0].read_bytes()
    faces = {name.split(b"+")[-1] for name in re.findall(rb"/FontName\s*/([\w+-]+)", pdf)}
    assert {face.split(b"-")[0] for face in faces} == {b"SourceSans3"}
    assert len(faces) >= 2


def test_typst_itself_refuses_a_picture_without_words() -> None:
    compiler = papers.compiler()
    picture = "#image(bytes(\"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>\"), format: \"svg\""
    start = '#set document(title: "T")\n#set text(lang: "en")\n'
    with pytest.raises(typst.TypstError, match="alt"):
        compiler.compile(f"{start}{picture})".encode(), format="pdf", pdf_standards=papers.STANDARD)
    told = compiler.compile(f'{start}{picture}, alt: "A dot")'.encode(), format="pdf", pdf_standards=papers.STANDARD)
    assert isinstance(told, bytes)


@pytest.mark.parametrize(
    "written_by_somebody", ["A pictograph 😀 in it", "Greek α and ≥, 漢字", "a bell\x07 and\ttab", "\ue000\u0378"]
)
def test_letters_that_no_font_holds_do_not_stop_a_paper(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, written_by_somebody: str
) -> None:
    made = written(connection, [LETTERS | {"narrative": written_by_somebody}], tmp_path)
    assert made[0].read_bytes().startswith(b"%PDF-1.7")


def test_a_missing_column_is_named(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    selection = fill(connection, "report_test", COLUMNS, [LETTERS])
    fewer = replace(selection, columns=tuple(column for column in selection.columns if column.name != "sentence"))
    with pytest.raises(ExportError, match="column 'sentence' of model 'report_test'"):
        papers.write_papers(connection, publication(selection), [fewer], tmp_path, FACTS)


def test_the_public_sees_no_series(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    said = content(connection, [LETTERS], audience="public")
    assert said["sections"][0]["measures"][0]["chart"] == ""
    assert said["sections"][0]["measures"][0]["finding"] == (
        "77.5%, below the usual range of 79.0% to 84.0%: worse than usual. Off target."
    )
    pdf = written(connection, [LETTERS], tmp_path, audience="public")[0].read_bytes()
    assert b"/Alt" not in pdf


def test_measures_that_need_words_get_them_and_the_others_a_row(connection: duckdb.DuckDBPyConnection) -> None:
    said = content(connection, [LETTERS, line("Sickness", line_order=2), MILESTONE | {"line_order": 3}])
    (section,) = said["sections"]
    (full,) = section["measures"]
    assert (full["name"], full["by"]) == ("Letters answered in time", "Head of Customer Services, 7 October 2026")
    assert full["verdict"] == "Target 80%: met or missed by chance. Six of the last 12 periods met 80.0."
    assert full["notes"] == ["Provisional: the figure may still change."]
    assert full["basis"] == "310 of 400 letters answered"
    assert full["chart"].startswith('<svg xmlns="http://www.w3.org/2000/svg" class="chart')
    assert [row["name"] for row in section["rows"]] == ["Sickness"]
    assert section["words"] == ["A bridge: not met by its date; due Aug 2026 (Harbour Trust)."]


def test_what_was_done_stands_in_the_chart(connection: duckdb.DuckDBPyConnection) -> None:
    done = {"measure_id": LETTERS["measure_id"], "unit_id": "BRI", "intervention_id": "I1", "title": "New desk",
            "starts_on": date(2025, 10, 1)}  # fmt: skip
    columns = {"measure_id": TEXT, "unit_id": TEXT, "intervention_id": TEXT, "title": TEXT, "starts_on": DAY}
    fill(connection, "feed_interventions", columns, [done])
    assert "New desk" in content(connection, [LETTERS])["sections"][0]["measures"][0]["chart"]


def test_the_summary_counts_what_is_missing_and_what_may_change(connection: duckdb.DuckDBPyConnection) -> None:
    gap = line("Decent homes", line_order=3, value=None, numerator=None, variation=None, sentence=None, target=None,
               status="no_target", period_label=FACTS.period_label)  # fmt: skip
    said = content(connection, [LETTERS, line("Sickness", line_order=2), gap, MILESTONE])
    assert said["status"] == "One figure of 3 provisional"
    assert said["summary"]["coverage"][:3] == [
        "2 of 3 figures reported.", "Not reported: Decent homes.", "One figure of 3 provisional.",
    ]  # fmt: skip
    assert said["summary"]["attention"] == [
        "Two of two targets are missed: Letters answered in time (77.5%, target 80%); Sickness (77.5%, target 80%)."
    ]


def test_at_most_seven_changes_and_room_for_good_news(connection: duckdb.DuckDBPyConnection) -> None:
    worse = [
        line(f"Worse {i}", variation=CONCERN, line_order=i, signal_since=date(2026, 1, 1 + i)) for i in range(1, 9)
    ]
    better = [line(f"Better {i}", variation=IMPROVEMENT, line_order=20 + i) for i in range(3)]
    summary = content(connection, [*worse, *better])["summary"]
    names = [change["name"] for change in summary["changes"]]
    assert names == ["Worse 8", "Worse 7", "Worse 6", "Worse 5", "Worse 4", "Better 0", "Better 1"]
    assert summary["further"] == "Four more figures have really changed; the pages that follow mark them."
    assert {change["shape"]["kind"] for change in summary["changes"]} == {"concern", "improvement"}


def test_few_cases_are_shown_as_cases(connection: duckdb.DuckDBPyConnection) -> None:
    few = line("Remedies", numerator=Decimal(3), denominator=Decimal(11), value=Decimal("27.3"), target=None,
               status="no_target")  # fmt: skip
    (row,) = content(connection, [few])["sections"][0]["rows"]
    assert (row["value"], row["marks"]) == ("3 of 11", "few cases")
    assert row["basis"] == "3 of 11 letters answered, 27.3%"


def test_a_unit_below_the_recipient_is_named(connection: duckdb.DuckDBPyConnection) -> None:
    own = line("Sickness", recipient_id="RES", recipient_name="Resources", unit_id="RES", unit_name="Resources")
    below = own | {"line_order": 2, "unit_id": "HR", "unit_name": "Human resources"}
    rows = content(connection, [own, below])["sections"][0]["rows"]
    assert [row["unit"] for row in rows] == ["", "Human resources"]


def test_revisions_and_grades_stand_in_the_appendix(connection: duckdb.DuckDBPyConnection) -> None:
    revised = {
        "measure_id": LETTERS["measure_id"], "unit_id": "BRI", "area_id": "",
        "period_label": "Q1 2026/27 (Apr–Jun 2026)",
        "period_start": date(2026, 4, 1), "period_end": date(2026, 6, 30), "published_in": "Cabinet, July 2026",
        "published_on": date(2026, 7, 20), "published_value": Decimal("81.0"), "current_value": Decimal("79.0"),
        "explanation": "Late letters were counted twice.",
    }  # fmt: skip
    kinds = {str: TEXT, date: DAY, Decimal: FIGURE}
    fill(connection, "feed_restatements", {name: kinds[type(value)] for name, value in revised.items()}, [revised])
    grades = [
        {"measure_id": LETTERS["measure_id"], "criterion": criterion, "grade": grade, "fact": f"Why {criterion}."}
        for criterion, grade in (("accurate", "A"), ("timely", "C"))
    ]
    fill(connection, "feed_data_quality", dict.fromkeys(grades[0], TEXT), grades)
    appendix = content(connection, [LETTERS])["appendix"]
    assert appendix["revisions"] == [
        {"name": "Letters answered in time", "period": "Q1 2026/27", "was": "81.0%", "now": "79.0%",
         "published": "Cabinet, July 2026", "why": "Late letters were counted twice."}
    ]  # fmt: skip
    assert appendix["quality"] == [
        {"name": "Letters answered in time", "grades": ["A", "–", "–", "C", "–", "–"], "weakest": "Why timely."}
    ]


def test_the_paper_says_what_it_is_for_and_how_it_is_made(connection: duckdb.DuckDBPyConnection) -> None:
    said = content(connection, [LETTERS])
    assert (said["description"], said["method"], said["owner"]) == ("What it is for.", "Counted.", "Insight team")


def test_definitions_say_what_is_counted(connection: duckdb.DuckDBPyConnection) -> None:
    sickness = line("Sickness", line_order=2, value_unit="days_per_fte", numerator_label="days lost",
                    denominator_label="staff")  # fmt: skip
    described = {"measure_id": LETTERS["measure_id"], "measure_description": "Letters to the council."}
    fill(connection, "feed_measures", dict.fromkeys(described, TEXT), [described])
    letters, other = content(connection, [LETTERS, sickness])["appendix"]["definitions"]
    assert (letters["definition"], letters["counted"]) == (
        "Letters to the council.",
        "Answered in time, of Letters answered",
    )
    assert (other["definition"], other["counted"]) == ("", "days lost, over staff")


def test_a_fictional_council_says_so_and_a_real_one_does_not(connection: duckdb.DuckDBPyConnection) -> None:
    selection = fill(connection, "report_test", COLUMNS, [LETTERS])
    for is_fictional in (True, False):
        facts = replace(FACTS, is_fictional=is_fictional)
        (paper,) = papers.read_papers(connection, publication(selection), selection, facts)
        assert paper.content()["is_fictional"] is is_fictional
