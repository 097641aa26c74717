"""Readers of file formats: what is found is stated, what is left out is counted, and nothing is lost in silence."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from support.builders import Q1, column, key, make_contract, reasons_of, rejected_path, rows_of, write_workbook

from sources.config import explain
from sources.connectors import files
from sources.contract import Contract
from sources.errors import SourceError
from sources.extract import Extract
from sources.landing import Landed, land

HEADER = "ref,title,score,on_date"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("title"), column("score", "integer"), column("on_date", "date"))


def extract_of(folder: Path, contract: Contract, **settings: Any) -> Extract:
    request = files.Request.model_validate({"files": "things.csv", **settings}, context={"folder": folder})
    (extract,) = files.extract(files.Connection(location=str(folder)), request, contract, [Q1])
    return extract


def read(folder: Path, contract: Contract, **settings: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows in order of their number, without what is null, and the notes."""
    extract = extract_of(folder, contract, **settings)
    rows = [
        {name: value for name, value in row.items() if value is not None}
        for batch in extract.batches
        for row in batch.to_pylist()
    ]
    return sorted(rows, key=lambda row: row["_source_row"]), extract.notes


def landed(folder: Path, contract: Contract, **settings: Any) -> Landed:
    (found,) = land(contract, [extract_of(folder, contract, **settings)], folder / "data", [Q1])
    return found


def written(folder: Path, content: str | bytes, name: str = "things.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(folder: Path, contract: Contract, **settings: Any) -> str:
    with pytest.raises(SourceError) as error:
        read(folder, contract, **settings)
    return str(error.value)


def refs(rows: Sequence[dict[str, Any]]) -> list[tuple[str | None, int]]:
    return [(row.get("ref"), row["_source_row"]) for row in rows]


# Encodings


@pytest.mark.parametrize(
    ("text", "encoding", "noted"),
    [
        ("Zoë – £5", "utf-8", []),
        ("Zoë – £5", "utf-8-sig", []),
        ("Zoë – £5", "utf-16", ["things.csv: read as utf-16"]),
        ("Zoë – £5", "cp1252", ["things.csv: read as cp1252"]),
        ("Zoë £5", "cp850", ["things.csv: read as cp850"]),
        ("œuvre £5", "cp1252", ["things.csv: read as cp1252"]),
        ("plain", "ascii", []),
    ],
)
@pytest.mark.parametrize("before", [0, 60_000], ids=["at the top", "far down"])
def test_an_encoding_is_found_and_said(
    tmp_path: Path, contract: Contract, text: str, encoding: str, noted: list[str], before: int
) -> None:
    rows = "".join(f"R{number},filling the first megabyte,1,\n" for number in range(before))
    written(tmp_path, f"{HEADER}\n{rows}Rx,{text},1,\n".encode(encoding))
    found, notes = read(tmp_path, contract)
    assert len(found) == before + 1
    assert found[-1]["title"] == text
    assert notes == noted


def test_a_declared_encoding_is_obeyed(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER}\nR1,£5,1,\n".encode())
    found, notes = read(tmp_path, contract, format={"encoding": "cp1252"})
    assert (found[0]["title"], notes) == ("Â£5", [])


@pytest.mark.parametrize("before", [0, 60_000], ids=["at the top", "far down"])
def test_a_file_of_two_encodings_is_refused(tmp_path: Path, contract: Contract, before: int) -> None:
    rows = "".join(f"R{number},filling the first megabyte,1,\n" for number in range(before)).encode()
    content = f"{HEADER}\nR1,£5,1,\n".encode() + rows + b"R2,\xa35,1,\n"
    path = written(tmp_path, content)
    place = content.index(b"\xa35", 40) if before else content.rindex(b"\xa35")
    assert place == content.rindex(b"\xa3")
    assert refusal(tmp_path, contract) == (
        f"{path}: is utf-8 up to byte {place:,} and something else from there. Set format.encoding, or ask for the "
        "file in one encoding."
    )


def test_a_byte_that_is_in_no_encoding_is_told_with_its_place(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, f"{HEADER}\nR1,".encode() + b"\xa3 \x81,1,\n")
    assert refusal(tmp_path, contract) == (
        f"{path}: is neither utf-8 nor cp1252 (byte 0x81 at position 29). Set format.encoding."
    )


def test_encodings_and_delimiters_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(pydantic.ValidationError) as error:
        files.Request.model_validate({"files": "x.csv", "format": {"encoding": "cp9999", "delimiter": "::"}})
    assert explain(error.value, "x.yaml", files.Request) == [
        "x.yaml: format.encoding: 'cp9999' is no encoding. Write utf-8, cp1252, cp850 or utf-16.",
        "x.yaml: format.delimiter: '::' is no delimiter. Write one of ',', ';', '|', 'tab'.",
    ]


# Delimiters


@pytest.mark.parametrize(("delimiter", "name"), [(";", ";"), ("\t", "tab"), ("|", "|")])
def test_a_delimiter_is_found_and_said(tmp_path: Path, contract: Contract, delimiter: str, name: str) -> None:
    header = HEADER.replace(",", delimiter)
    written(tmp_path, f"A title, with commas, many of them, yes\n{header}\nR1{delimiter}a, b{delimiter}1{delimiter}\n")
    found, notes = read(tmp_path, contract)
    assert (found[0]["ref"], found[0]["title"]) == ("R1", "a, b")
    assert notes == [f"things.csv: the delimiter is '{name}'"]
    assert read(tmp_path, contract, format={"delimiter": name})[1] == []


# Where the header stands


@pytest.mark.parametrize("above", [1, 30, 70, 3000])
def test_rows_above_a_header_in_the_middle_are_data(tmp_path: Path, contract: Contract, above: int) -> None:
    lines = [f"A{number:05},a title,{number},2025-04-01" for number in range(above)]
    written(tmp_path, "\n".join(["My council,,,", *lines, "", HEADER, "Z1,b,2,", "Z2,c,3,", HEADER]))
    found, notes = read(tmp_path, contract)
    assert refs(found) == [
        *((f"A{number:05}", number + 2) for number in range(above)),
        ("Z1", above + 4),
        ("Z2", above + 5),
    ]
    assert notes == [
        f"things.csv: the header stands in row {above + 3}; the rows above it from row 2 on are read as data",
        "things.csv: 1 blank row left out",
        "things.csv: 1 repeated header row left out",
    ]


def test_titles_above_a_header_are_no_data(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"Brigstow,Register,of,risks\nPosition at,30 June 2025,,\n{HEADER}\nR1,a,1,\n")
    found, notes = read(tmp_path, contract)
    assert (refs(found), notes) == ([("R1", 4)], [])


def test_repeated_headers_and_spacer_columns(tmp_path: Path, contract: Contract) -> None:
    header = ",Ref,,Title,Score,,On date,"
    written(tmp_path, f"{header}\n,R1,,a,1,,,\n{header}\n,R2,,b,2,,,\n,,,,,,,\n{header}\n")
    found, notes = read(tmp_path, contract)
    assert refs(found) == [("R1", 2), ("R2", 4)]
    assert notes == ["things.csv: 1 blank row left out", "things.csv: 2 repeated header rows left out"]


def test_a_heading_as_it_is_written_comes_before_one_alike(tmp_path: Path) -> None:
    made = make_contract(tmp_path, column("pupils"), column("share"), column("cost"))
    columns = {"pupils": "Pupils", "share": "Pupils (%)", "cost": "Pupils (£)"}
    written(tmp_path, "Pupils (%),Pupils (£),Pupils\n1,2,3\n")
    ((row,), _) = read(tmp_path, made, columns=columns)
    assert (row["pupils"], row["share"], row["cost"]) == ("3", "1", "2")


def test_a_heading_that_stands_twice_is_said(tmp_path: Path) -> None:
    made = make_contract(tmp_path, column("ref"), column("amount"))
    written(tmp_path, "ref,amount,amount\nR1,1,2\n")
    ((row,), notes) = read(tmp_path, made)
    assert row["amount"] == "1"
    assert "things.csv: the heading 'amount' stands more than once; the first is read" in notes


# Torn records


def test_delimiters_too_many_or_alone_lose_nothing(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f'{HEADER}\nR1,a,1,2025-04-01,,\nR2,b,2,\n,,\nR3,"c, d",3,,\nR4,d,4\nR5,e,5,,x\n')
    found, notes = read(tmp_path, contract)
    assert [(row.get("ref"), row.get("title"), row["_source_row"]) for row in found] == [
        ("R1", "a", 2),
        ("R2", "b", 3),
        ("R3", "c, d", 5),
        (None, None, 6),
        (None, None, 7),
    ]
    assert [row["_refused"] for row in found[3:]] == [
        "the record has 3 cells where the header has 4",
        "the record has 5 cells where the header has 4",
    ]
    assert notes == ["things.csv: 1 blank row left out"]


def test_a_header_with_delimiters_too_many(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER},,\nR1,a,1,\nR2,b,2,,\nR3,c,3\n")
    found, _ = read(tmp_path, contract)
    assert [(row.get("ref"), row["_source_row"]) for row in found] == [("R1", 2), ("R2", 3), (None, 4)]


def test_numbers_hold_where_every_other_record_is_mended_or_refused(tmp_path: Path, contract: Contract) -> None:
    kinds = ["R{},filling of some length,1,", "R{},filling of some length,1,,,", "R{}", ""]
    lines = [kinds[number % 7 % 4].format(number) for number in range(2, 60_002)]
    written(tmp_path, "\n".join([HEADER, *lines]) + "\n")
    found, notes = read(tmp_path, contract)
    assert all(f"R{row['_source_row']}" == row.get("ref", row.get("_original")) for row in found)
    assert len(found) == sum(bool(line) for line in lines)
    assert notes == [f"things.csv: {lines.count(''):,} blank rows left out"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize(
    ("swallowing", "refused"),
    [
        (['R1,"never closed,1,', "R2,b,2,", 'R3,"c",3,'], ["R1,never closed,1,", "R2,b,2,", 'R3,c",3,']),
        (['"R1,never closed,1,', "R2,b,2,", '"R3",c,3,'], ["R1,never closed,1,", "R2,b,2,", 'R3",c,3,']),
        (['R1,"never closed,1,', 'R2,b,"2",'], ['R1,"never closed,1,', 'R2,b,"2",']),
    ],
    ids=["to a cell of its column", "in the first column", "to a cell of another column"],
)
def test_a_quotation_mark_that_is_never_closed_swallows_no_row_unseen(
    tmp_path: Path, contract: Contract, swallowing: list[str], refused: list[str], end: str
) -> None:
    lines = [*swallowing, "R4,d,4,", f'R5,"two ""true""{end}lines, here",5,']
    written(tmp_path, end.join([HEADER, *lines]) + end)
    found, _ = read(tmp_path, contract)
    assert [(row["_source_row"], row["_original"]) for row in found if "_refused" in row] == [
        (2, line) for line in refused
    ]
    assert {row["_refused"] for row in found if "_refused" in row} == {
        "a quotation mark was never closed, here or before"
    }
    assert [(row["ref"], row["title"]) for row in found if "_refused" not in row] == [
        ("R4", "d"),
        ("R5", f'two "true"{end}lines, here'),
    ]


def test_rows_lost_behind_a_quotation_mark_count_one_by_one(tmp_path: Path, contract: Contract) -> None:
    lines = [f"R{number},a,1," for number in range(100)]
    written(tmp_path, "\n".join([HEADER, *lines[:90], 'R90,"a,1,', *lines[91:]]) + "\n")
    found = landed(tmp_path, contract)
    assert (found.rows, found.rejected) == (90, 10)


def test_a_quotation_mark_that_swallows_the_rest_stops_the_file(tmp_path: Path, contract: Contract) -> None:
    rest = "".join(f"R{number},{'x' * 100},1,\n" for number in range(50_000))
    path = written(tmp_path, f'{HEADER}\nR1,a,1,\nR2,"b,2,\n{rest}')
    message = refusal(tmp_path, contract)
    assert message.startswith(f"{path}: the record after row ")
    assert "A quotation mark in it was never closed" in message


@given(
    rows=st.lists(
        st.tuples(*[st.text(st.sampled_from(list('ab,"\n')), min_size=0, max_size=12)] * 2).map(
            lambda row: ("k", *row)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_well_written_cells_are_never_taken_for_swallowed_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    made = make_contract(folder, column("one"), column("two"), column("three"))
    text = "one,two,three\n" + "".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows
    )
    written(folder, text)
    found, _ = read(folder, made)
    assert [(row["one"], row["two"], row["three"]) for row in found] == rows


def test_line_ends_of_an_old_macintosh(tmp_path: Path, contract: Contract) -> None:
    lines = ["A title", "", HEADER, "R1,a,1,2025-04-01", "R2", "R3,c,3,"]
    written(tmp_path, "\r".join(lines) + "\r\n")
    found, _ = read(tmp_path, contract)
    assert refs(found) == [("R1", 4), (None, 5), ("R3", 6)]


def test_an_empty_file_among_others_stops_its_dataset(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER}\nR1,a,1,\n", "a.csv")
    path = written(tmp_path, b"", "b.csv")
    found = landed(tmp_path, contract, files="*.csv")
    assert found.path is None
    assert found.error == f"{path}: the file is empty. Nothing landed; ask for it again."


# Rows that stay and rows that go


ROWS = f"""{HEADER},Level
R1,Leeds,1,,district
T1,*Total,2,,district
R2,York ,3,,county
R3,,4,,district
F,Source: us,,,
"""


@pytest.mark.parametrize(
    ("settings", "expected", "noted"),
    [
        ({"skip_rows": {"title": "[*]Total"}}, ["R1", "R2", "R3", "F"], "1 row left out where title is '[*]Total'"),
        (
            {"skip_rows": {"Title": ["[*]*", "Source*"], "score": "4"}},
            ["R1", "R2"],
            "2 rows left out where Title is '[*]*' or 'Source*'",
        ),
        ({"skip_rows": {"title": ""}}, ["R1", "T1", "R2", "F"], "1 row left out where title is ''"),
        ({"keep_rows": {"score": [1, 3]}}, ["R1", "R2"], "3 rows left out where score is not '1' or '3'"),
        ({"keep_rows": {"level": "district"}}, ["R1", "T1", "R3"], "2 rows left out where level is not 'district'"),
        (
            {"keep_rows": {"Level": ["d*", "county"], "title": "[LY]*"}},
            ["R1", "R2"],
            "2 rows left out where title is not '[LY]*'",
        ),
    ],
)
def test_rows_are_kept_and_left_out_by_pattern_and_counted(
    tmp_path: Path, contract: Contract, settings: dict[str, Any], expected: list[str], noted: str
) -> None:
    written(tmp_path, ROWS)
    found, notes = read(tmp_path, contract, format=settings)
    assert [row["ref"] for row in found] == expected
    assert f"things.csv: {noted}" in notes


def test_a_pattern_for_a_column_that_is_not_there(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, ROWS)
    assert refusal(tmp_path, contract, format={"skip_rows": {"Levels": "x"}}) == (
        f"{path}: format.keep_rows or skip_rows name the column 'Levels', which the file does not have. Did you mean "
        "'Level'? It has: 'ref', 'title', 'score', 'on_date', 'Level'."
    )


@pytest.mark.parametrize("patterns", [{"score": ""}, {"ref": "Printed*"}])
def test_a_line_of_text_below_a_table_is_left_out_and_a_torn_record_is_not(
    tmp_path: Path, contract: Contract, patterns: dict[str, str]
) -> None:
    path = written(tmp_path, f"{HEADER}\nR1,a,1,2025-04-01\nR2,torn\nPrinted 1 July\n")
    found, notes = read(tmp_path, contract, format={"skip_rows": patterns})
    assert [(row.get("ref"), row.get("_original")) for row in found] == [("R1", None), (None, "R2,torn")]
    ((column, pattern),) = patterns.items()
    assert notes == [f"{path.name}: 1 row left out where {column} is '{pattern}'"]


def test_counts_of_many_files_make_one_line(tmp_path: Path, contract: Contract) -> None:
    for name in "abcd":
        written(tmp_path, f"{HEADER}\nR{name},£,1,\n,,,\n".encode("cp1252"), f"{name}.csv")
    _, notes = read(tmp_path, contract, files="?.csv")
    assert notes == ["a.csv, b.csv and 2 more: 4 blank rows left out", "a.csv, b.csv and 2 more: read as cp1252"]


# Symbols


@pytest.fixture
def measured(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("area"),
        column("name"),
        column("boys", "DECIMAL(9,2)"),
        column("girls", "integer"),
        column("why"),
        maximumRejectedShare=1.0,
    )


SYMBOLS = {"symbols": {"[c]": "suppressed", ":": "not returned", "-": "none"}}


def test_symbols_become_reasons_and_are_counted(tmp_path: Path, measured: Contract) -> None:
    written(tmp_path, "area,name,boys,girls\nA,:,1.5,2\nB,-,[c],3\nC,x, : ,[c]\nD,x,:,:\nE,x,,\nF,x,[x],1\n")
    form = SYMBOLS | {"reason_column": "why"}
    found = landed(tmp_path, measured, format=form)
    assert rows_of(found.path, "area, name, boys, girls, why") == [
        ("A", ":", Decimal("1.50"), 2, None),
        ("B", "-", None, 3, "suppressed"),
        ("C", "x", None, None, "not returned, suppressed"),
        ("D", "x", None, None, "not returned"),
        ("E", "x", None, None, None),
    ]
    assert reasons_of(found) == {7: ['boys "[x]" is not a number']}, "a symbol that nobody declared is no silence"
    assert [note for note in found.notes if "stands for" in note] == [
        "things.csv: '[c]' stands for a value 2 times: suppressed",
        "things.csv: ':' stands for a value 3 times: not returned",
    ]


def test_a_source_may_give_reasons_of_its_own(tmp_path: Path, measured: Contract) -> None:
    written(tmp_path, "area,name,boys,girls,why\nA,x,[c],2,ours\nB,x,1,2,theirs\n")
    found = landed(tmp_path, measured, format=SYMBOLS | {"reason_column": "why"})
    assert rows_of(found.path, "why") == [("suppressed",), ("theirs",)]


def test_symbols_without_a_column_for_reasons_are_still_counted(tmp_path: Path, measured: Contract) -> None:
    written(tmp_path, "area,name,boys,girls\nA,x,[c],2\n")
    found = landed(tmp_path, measured, format=SYMBOLS, absent=["why"])
    assert rows_of(found.path, "boys, why") == [(None, None)]
    assert "things.csv: '[c]' stands for a value 1 time: suppressed" in found.notes


def test_years_in_columns_become_rows_with_their_reasons(tmp_path: Path) -> None:
    made = make_contract(
        tmp_path, key("area"), key("year", 2), column("value", "integer"), column("why"), maximumRejectedShare=1.0
    )
    written(tmp_path, "area,2019,2020,H1 2021,note\nA,1,[c],3,\nB,4,,-,x\n")
    unpivot = {"columns": ["20??", "H? *"], "name": "year", "value": "value"}
    form = SYMBOLS | {"reason_column": "why", "unpivot": unpivot, "skip_rows": {"value": ""}}
    found = landed(tmp_path, made, format=form)
    assert rows_of(found.path, "area, year, value, why", "area, year") == [
        ("A", "2019", 1, None),
        ("A", "2020", None, "suppressed"),
        ("A", "H1 2021", 3, None),
        ("B", "2019", 4, None),
        ("B", "H1 2021", None, "none"),
    ]
    assert "things.csv: 1 row left out where value is ''" in found.notes


# Dates


def test_several_spellings_of_dates_in_one_file(tmp_path: Path, contract: Contract) -> None:
    dates = {
        "01/04/2025": date(2025, 4, 1),
        "01/04/25": date(2025, 4, 1),
        "5-Apr-17": date(2017, 4, 5),
        "09-Sept-20": date(2020, 9, 9),
        "15 June 2023": date(2023, 6, 15),
        "4 May 2023": date(2023, 5, 4),
        "43658": date(2019, 7, 12),
        "43658.75": date(2019, 7, 12),
        "2025-04-01": date(2025, 4, 1),
    }
    rows = "".join(f"R{number},,,{text}\n" for number, text in enumerate(dates))
    written(tmp_path, f"{HEADER}\n{rows}X1,,,2017\nX2,,,31/02/2025\nX3,,,436580\n")
    spellings = ["dd/mm/yyyy", "dd/mm/yy", "dd-mmm-yy", "d mmmm yyyy", "excel-serial"]
    found = landed(tmp_path, contract, format={"dates": spellings})
    assert [day for (day,) in rows_of(found.path, "on_date")] == list(dates.values())
    assert [reasons[0] for reasons in reasons_of(found).values()] == [
        f'on_date "{text}" is not a date that exists' for text in ("2017", "31/02/2025", "436580")
    ]


# Workbooks


BOOK = ["Ref", "Title", "Score", "On date"]


def test_several_sheets_are_read_by_pattern(tmp_path: Path, contract: Contract) -> None:
    sheets = {
        "Notes": [["nothing"]],
        "Jan 25": [BOOK, ["A", "x", 1]],
        "Jan 26": [["Title"], ["Title", "Score", "Ref", "On date"], ["x", 2, "B"]],
        "Feb": [BOOK, ["C", "x", 3]],
    }
    path = write_workbook(tmp_path / "things.xlsx", sheets)
    settings = {"files": "things.xlsx", "columns": {"title": "$sheet"}}
    found, _ = read(tmp_path, contract, format={"sheet": "Jan*"}, **settings)
    assert [(row["ref"], row["title"], row["_source"]) for row in found] == [
        ("A", "Jan 25", f"{path}!Jan 25"),
        ("B", "Jan 26", f"{path}!Jan 26"),
    ]
    found, _ = read(tmp_path, contract, format={"sheet": ["Feb", "Jan 25"]}, **settings)
    assert {row["ref"] for row in found} == {"A", "C"}
    found, _ = read(tmp_path, contract, format={"sheet": "Feb"}, **settings)
    assert [(row["title"], row["_source"]) for row in found] == [("Feb", str(path))]
    message = refusal(tmp_path, contract, format={"sheet": "*"}, **settings)
    assert message.startswith(f"{path}!Notes: no row among the first 1 has the headings of made.things.")


def test_cells_in_error_are_told_by_name_and_only_where_they_matter(tmp_path: Path, contract: Contract) -> None:
    with xlsxwriter.Workbook(tmp_path / "things.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*BOOK, "Unused"])
        errors = ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"]
        for row, error in enumerate(errors, start=1):
            sheet.write_row(row, 0, [f"R{row}", "x"])
            sheet.write_formula(row, 2, "=1/0", None, error)
        sheet.write_row(8, 0, ["R8", "x", 3])
        sheet.write_formula(8, 4, "=1/0", None, "#REF!")
        sheet.write_row(9, 0, ["R9"])
        for place in (1, 3):
            sheet.write_formula(9, place, "=1/0", None, "#REF!")
    found = landed(tmp_path, contract, files="things.xlsx")
    assert rows_of(found.path, "ref, score") == [("R8", 3)]
    assert reasons_of(found) == {
        **{row + 1: [f"cell C{row + 1} holds the error {error}"] for row, error in enumerate(errors, start=1)},
        10: ["cell B10 holds the error #REF!; cell D10 holds the error #REF!"],
    }
    assert rows_of(rejected_path(found), "_original")[0] == ("R1, x, #DIV/0!, , ",)
    form = {"symbols": {"#N/A": "not available"}, "nulls": ["", "#DIV/0!"]}
    found = landed(tmp_path, contract, files="things.xlsx", format=form)
    assert rows_of(found.path, "ref, score") == [("R1", None), ("R2", None), ("R8", 3)]


def test_numbers_of_a_workbook_keep_the_decimals_that_the_contract_has(tmp_path: Path) -> None:
    made = make_contract(tmp_path, column("rate", "DECIMAL(18,12)"), column("label"), column("money", "DECIMAL(14,2)"))
    rows = [[1 / 3, "a", 2.675], [0.000000000123, "b", 1e-12], ["0.5", "c", "£1.50"], [7, "d", 99999999.99]]
    write_workbook(tmp_path / "things.xlsx", {"One": [["Rate", "Label", "Money"], *rows]})
    found = landed(tmp_path, made, files="things.xlsx")
    assert rows_of(found.path, "rate, label, money") == [
        (Decimal("0.333333333333"), "a", Decimal("2.68")),
        (Decimal("0.000000000123"), "b", Decimal("0.00")),
        (Decimal("0.500000000000"), "c", Decimal("1.50")),
        (Decimal("7.000000000000"), "d", Decimal("99999999.99")),
    ]


def test_a_workbook_is_known_without_its_ending(tmp_path: Path, contract: Contract) -> None:
    write_workbook(tmp_path / "things.xlsx", {"One": [BOOK, ["A", "x", 1, datetime(2025, 4, 1)]]})
    (tmp_path / "things.xlsx").rename(tmp_path / "download")
    found, _ = read(tmp_path, contract, files="download")
    assert found[0]["on_date"] == "2025-04-01 00:00:00"


def test_an_open_document_spreadsheet(tmp_path: Path, contract: Contract) -> None:
    def cell(text: str) -> str:
        if text.replace(".", "").isdigit():
            return f'<table:table-cell office:value-type="float" office:value="{text}"/>'
        if text.startswith("2025-"):
            return f'<table:table-cell office:value-type="date" office:date-value="{text}"/>'
        return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    rows = [["Register"], BOOK, ["R1", "Flood", "3", "2025-04-01"], ["", "", "", ""], ["R2", "Fire", "4", ""]]
    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content{names}><office:body><office:spreadsheet>'
        f'<table:table table:name="Risks">{lines}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "things.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", '<?xml version="1.0"?><manifest/>')
    found = landed(tmp_path, contract, files="things.ods")
    assert (found.error, found.reasons) == (None, {})
    assert rows_of(found.path, "ref, title, score, on_date, _source_row") == [
        ("R1", "Flood", 3, date(2025, 4, 1), 3),
        ("R2", "Fire", 4, None, 5),
    ]


# Parquet


def parquet(folder: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), folder / "things.parquet")
    return folder / "things.parquet"


def test_parquet_is_read_by_name_with_fields_inside_fields(tmp_path: Path, contract: Contract) -> None:
    parquet(
        tmp_path,
        {
            "Ref": ["R1", "R2", None],
            "about": [{"title": "Flood", "size": {"score": 3}}, {"title": None, "size": {"score": 4}}, None],
            "on_date": pa.array([date(2025, 4, 1), None, None]),
            "unused": [[1], [2], [3]],
        },
    )
    columns = {"title": "about.title", "score": "about.size.score"}
    found, notes = read(tmp_path, contract, files="things.parquet", columns=columns)
    assert [{name: value for name, value in row.items() if name != "_source"} for row in found] == [
        {"ref": "R1", "title": "Flood", "score": "3", "on_date": "2025-04-01", "_source_row": 1},
        {"ref": "R2", "score": "4", "_source_row": 2},
    ]
    assert notes == [
        "things.parquet: columns that the contract does not have: unused",
        "things.parquet: 1 blank row left out",
    ]


def test_rows_of_parquet_are_filtered_by_columns_that_are_not_kept(tmp_path: Path, contract: Contract) -> None:
    parquet(tmp_path, {"ref": ["A", "B"], "title": ["", ""], "score": [1, 2], "on_date": ["", ""], "level": ["x", "y"]})
    found, _ = read(tmp_path, contract, files="things.parquet", format={"keep_rows": {"level": "y"}})
    assert refs(found) == [("B", 2)]


def test_parquet_that_lacks_a_column_or_holds_bytes_or_is_none(tmp_path: Path, contract: Contract) -> None:
    path = parquet(tmp_path, {"ref": ["A"], "titel": [""], "score": [b"\xff"], "on_date": [""]})
    settings: dict[str, Any] = {"files": "things.parquet"}
    message = refusal(tmp_path, contract, **settings)
    assert message.startswith(
        f"{path}: missing columns: 'title' for made.things.title. Did you mean 'titel'? The file "
    )
    message = refusal(tmp_path, contract, absent=["title"], **settings)
    assert "the field 'score' holds binary, which cannot stand in one column" in message
    written(tmp_path, b"PAR1 no", "things.parquet")
    message = refusal(tmp_path, contract, **settings)
    assert message.startswith(f"{path}: cannot be read as Parquet: ")


# JSON


def test_json_lines_are_read_with_nested_and_late_fields(tmp_path: Path, contract: Contract) -> None:
    lines = [
        json.dumps({"ref": "R1", "about": {"title": "Flood"}, "score": 3}),
        "",
        "{torn",
        json.dumps({"ref": "R2", "about": {"title": None}, "score": 4, "dates": {"on": "2025-04-01"}}),
        "[1, 2]",
    ]
    path = written(tmp_path, "\n".join(lines), "things.jsonl")
    settings: dict[str, Any] = {"files": "things.jsonl", "columns": {"title": "about.title", "on_date": "dates.on"}}
    found, notes = read(tmp_path, contract, **settings)
    assert [{name: value for name, value in row.items() if name != "_source"} for row in found] == [
        {"ref": "R1", "title": "Flood", "score": "3", "_source_row": 1},
        {"_source_row": 3, "_refused": found[1]["_refused"], "_original": "{torn"},
        {"ref": "R2", "score": "4", "on_date": "2025-04-01", "_source_row": 4},
        {"_source_row": 5, "_refused": "is no record with named fields", "_original": "[1, 2]"},
    ]
    assert found[1]["_refused"].startswith("is no JSON: ")
    assert notes == []
    found, notes = read(tmp_path, contract, **settings | {"columns": {"title": "about.titel", "on_date": "dates.on"}})
    assert "things.jsonl: no record has the field 'about.titel'. Did you mean 'about.title'?" in notes
    message = refusal(tmp_path, contract, **settings | {"columns": {"ref": "reff"}})
    assert message.startswith(f"{path}: missing columns: 'reff' for made.things.ref. Did you mean 'ref'?")


def test_a_list_of_json_keeps_every_digit(tmp_path: Path) -> None:
    made = make_contract(tmp_path, column("id"), column("amount", "DECIMAL(24,4)"), column("yes", "boolean"))
    written(tmp_path, '\n [{"ID": 12345678901234567890, "amount": 12345678901234567.8901, "yes": true}]', "things.json")
    found = landed(tmp_path, made, files="things.json")
    assert rows_of(found.path, "id, amount, yes, _source_row") == [
        ("12345678901234567890", Decimal("12345678901234567.8901"), True, 1)
    ]


def test_aliases_patterns_and_symbols_hold_for_json_too(tmp_path: Path, measured: Contract) -> None:
    rows: list[dict[str, Any]] = [
        {"Area": "A", "name": "x", "Lads": ":", "girls": 1},
        {"Area": "T", "name": "Total", "Lads": 5, "girls": 1},
    ]
    rows[1]["note"] = "£"
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    written(tmp_path, lines.encode("cp1252"), "things.ndjson")
    form = SYMBOLS | {"reason_column": "why", "skip_rows": {"name": "Total"}, "header": {"aliases": {"boys": ["Lads"]}}}
    found = landed(tmp_path, measured, files="things.ndjson", format=form)
    assert rows_of(found.path, "area, boys, girls, why") == [("A", None, 1, "not returned")]
    assert "things.ndjson: read as cp1252" in found.notes


def test_packed_text_is_read_by_the_ending_inside(tmp_path: Path, contract: Contract) -> None:
    record = {"ref": "R1", "score": 3, "on_date": None}
    written(tmp_path, gzip.compress(json.dumps(record).encode()), "2025-04.jsonl.gz")
    found, _ = read(tmp_path, contract, files="2025-04.jsonl.gz", columns={"title": "$file"})
    assert (found[0]["ref"], found[0]["title"]) == ("R1", "2025-04")


@given(st.binary(max_size=60), st.text(st.sampled_from(list('ab,;"\n\r\t 1£|')), max_size=80))
def test_whatever_stands_below_the_header_ends_in_rows_or_in_words(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    made = make_contract(folder, column("ref"), column("title"), column("score", "integer"))
    for content in (junk, text.encode(), text.encode("cp1252")):
        written(folder, b"ref,title,score\n" + content)
        try:
            found, notes = read(folder, made)
        except SourceError as error:
            assert str(error).startswith(str(folder))
            continue
        told = " ".join(notes)
        for piece in content.split():
            if piece.isalnum() and piece.isascii():  # no word is lost: it is in a row, or refused with its text
                held = [str(value) for row in found for name, value in row.items() if not name.startswith("_source")]
                assert any(piece.decode() in value for value in held) or "left out" in told


@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet", "xlsx", "xls", "ods"])
@given(
    st.sampled_from([b"", b"{", b'{"ref": 1}\n', b"[", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"]),
    st.binary(max_size=60),
)
def test_junk_in_any_format_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, ending: str, start: bytes, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    made = make_contract(folder, column("ref"))
    written(folder, start + junk, f"things.{ending}")
    try:
        found, _ = read(folder, made, files=f"things.{ending}")
    except SourceError as error:
        assert str(error).startswith(str(folder))
    else:
        assert all("ref" in row or "_refused" in row for row in found)
