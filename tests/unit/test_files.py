"""The connector for files: headers wherever they stand, every record accounted for, and faults in plain words."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import Q1, Q2, Q4, column, key, make_contract, rejected_path, rows_of, write_workbook
from support.fault_server import Answer, faults

from sources.connectors import files
from sources.connectors.places import folder
from sources.contract import Contract
from sources.errors import SourceError
from sources.extract import Extract
from sources.landing import land


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("title"), column("score", "integer"), column("on_date", "date"))


HEADER = "ref,title,score,on_date"


def request_of(**settings: Any) -> files.Request:
    return files.Request.model_validate({"files": "things.csv", **settings}, context={"folder": Path.cwd()})


def extracts_of(folder: Path | str, contract: Contract, quarters: Any = (Q1,), **settings: Any) -> list[Extract]:
    connection = files.Connection(location=str(folder))
    return list(files.extract(connection, request_of(**settings), contract, list(quarters)))


def read(folder: Path | str, contract: Contract, **settings: Any) -> list[dict[str, Any]]:
    """Rows as the connector hands them over, without what is null."""
    (extract,) = extracts_of(folder, contract, **settings)
    return [
        {name: value for name, value in row.items() if value is not None}
        for batch in extract.batches
        for row in batch.to_pylist()
    ]


def written(folder: Path, content: str | bytes, name: str = "things.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(folder: Path | str, contract: Contract, **settings: Any) -> str:
    with pytest.raises(SourceError) as error:
        read(folder, contract, **settings)
    return str(error.value)


def numbered(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, int]]:
    return [(row.get("ref"), row["_source_row"]) for row in rows]


# CSV: the header


def test_a_plain_file_is_read_as_text_with_its_place(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, f"{HEADER}\nR1,Flood,007,01/04/2025\nR2,,,\n")
    assert read(tmp_path, contract) == [
        {
            "ref": "R1",
            "title": "Flood",
            "score": "007",
            "on_date": "01/04/2025",
            "_source": str(path),
            "_source_row": 2,
        },
        {"ref": "R2", "title": "", "score": "", "on_date": "", "_source": str(path), "_source_row": 3},
    ]


@pytest.mark.parametrize(
    "header",
    [
        "on_date,score,title,ref",
        "On date,SCORE,Title ,Ref",
        '"on_date","score","title","ref"',
        "on-date,score:,title,  ref",
    ],
)
def test_columns_are_found_by_name_wherever_they_stand(tmp_path: Path, contract: Contract, header: str) -> None:
    written(tmp_path, f"{header}\n2025-04-01,3,Flood,R1\n")
    (row,) = read(tmp_path, contract)
    assert (row["ref"], row["title"], row["score"], row["on_date"]) == ("R1", "Flood", "3", "2025-04-01")


def test_the_header_is_found_below_a_title_block(tmp_path: Path, contract: Contract) -> None:
    title = 'Brigstow City Council\n"Register, corporate"\n\nPosition at,30 June 2025\n,,,\n'
    written(tmp_path, f"{title}{HEADER}\nR1,Flood,3,\nR2,Fire,4,\n")
    assert numbered(read(tmp_path, contract)) == [("R1", 7), ("R2", 8)]


def test_a_title_that_names_one_column_is_not_taken_for_the_header(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"Title,Register\n{HEADER}\nR1,Flood,3,\n")
    assert numbered(read(tmp_path, contract)) == [("R1", 3)]


def test_columns_go_by_the_sources_name_or_an_alias(tmp_path: Path, contract: Contract) -> None:
    settings = {
        "columns": {"ref": "Risk ID"},
        "format": {"header": {"aliases": {"title": ["Name", "Risk title"], "ref": ["Reference"]}}},
    }
    written(tmp_path, "Risk ID,Risk title,score,on_date\nR1,Flood,3,\n")
    assert read(tmp_path, contract, **settings)[0]["title"] == "Flood"
    written(tmp_path, "Reference,Name,score,on_date\nR2,Fire,3,\n")
    assert read(tmp_path, contract, **settings)[0]["ref"] == "R2"
    written(tmp_path, "Reference,Risk ID,Name,score,on_date\nother,R3,Fire,3,\n")
    assert read(tmp_path, contract, **settings)[0]["ref"] == "R3", "its own name comes before an alias"


def test_a_missing_column_is_named_with_the_nearest_heading(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, "ref,titel,scores,on_date\nR1,Flood,3,\n")
    assert refusal(tmp_path, contract) == (
        f"{path}: missing columns: 'title' for made.things.title. Did you mean 'titel'?; "
        "'score' for made.things.score. Did you mean 'scores'? The header row 1 has: 'ref', 'titel', 'scores', "
        "'on_date'. Nothing landed. Mend `columns` or `format.header.aliases` of datasets.things in the source's YAML."
    )


def test_a_column_that_the_source_is_said_not_to_have_may_be_missing(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, "ref,title\nR1,Flood\n")
    assert "missing columns" in refusal(tmp_path, contract, absent=["score"])
    (row,) = read(tmp_path, contract, absent=["score", "on_date"])
    assert set(row) == {"ref", "title", "_source", "_source_row"}


def test_a_column_more_is_noted_and_left(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER},Owner,,Colour\nR1,Flood,3,,Head of Place,,red\n")
    (extract,) = extracts_of(tmp_path, contract)
    (batch,) = extract.batches
    assert batch.num_rows == 1
    assert extract.notes == ["things.csv: columns that the contract does not have: Owner, Colour"]


def test_a_file_without_the_headings_shows_what_it_has(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, "<!DOCTYPE html>\n<html><body>Log in</body></html>\n")
    assert refusal(tmp_path, contract) == (
        f"{path}: no row among the first 2 has the headings of made.things. The first row is: '<!DOCTYPE html>'. "
        "Nothing landed. Check the file, or `columns` in the source's YAML."
    )


def test_constants_and_the_files_name_fill_columns(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, "ref\nR1\nR2\n", "north.csv")
    columns = {"title": {"constant": "Flood"}, "score": {"constant": "3"}, "on_date": {"field": "$file"}}
    rows = read(tmp_path, contract, files="north.csv", columns=columns)
    assert [(row["ref"], row["title"], row["score"], row["on_date"]) for row in rows] == [
        ("R1", "Flood", "3", "north"),
        ("R2", "Flood", "3", "north"),
    ]


# CSV: the records


def test_torn_records_stand_aside_with_their_number_and_text(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, f"{HEADER}\nR1,a,1,\nR2,b\nR3,c,3,\nR4,d,4,,5,6\nR5,e,5,\n")
    rows = read(tmp_path, contract)
    assert numbered(rows[:3]) == [("R1", 2), ("R3", 4), ("R5", 6)]
    assert rows[3:] == [
        {
            "_source": str(path),
            "_source_row": 3,
            "_refused": "the record has 2 cells where the header has 4",
            "_original": "R2,b",
        },
        {
            "_source": str(path),
            "_source_row": 5,
            "_refused": "the record has 6 cells where the header has 4",
            "_original": "R4,d,4,,5,6",
        },
    ]


def test_line_breaks_inside_a_cell_belong_to_it_and_rows_count_as_in_a_spreadsheet(
    tmp_path: Path, contract: Contract
) -> None:
    title = '"A title\nof three\nlines",,,\n\n'
    written(tmp_path, f'{title}{HEADER}\nR1,"two\nlines",1,\nR2,"say ""no""",2,\nR3\nR4,"a, b",4,\n')
    rows = read(tmp_path, contract)
    assert [(row.get("title"), row["_source_row"]) for row in rows] == [
        ("two\nlines", 4),
        ('say "no"', 5),
        ("a, b", 7),
        (None, 6),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_blank_rows_are_left_out_counted_and_numbered_over(tmp_path: Path, contract: Contract, end: str) -> None:
    lines = [HEADER, "R1,a,1,", "", "R2,b,2,", ",,,", "R3", "R4,d,4,", "", "", ",,,"]
    written(tmp_path, end.join(lines) + end)
    (extract,) = extracts_of(tmp_path, contract)
    rows = [row for batch in extract.batches for row in batch.to_pylist()]
    assert numbered(rows) == [("R1", 2), ("R2", 4), ("R4", 7), (None, 6)]
    assert extract.notes == ["things.csv: 5 blank rows left out"]


def test_numbers_hold_over_many_blocks(tmp_path: Path, contract: Contract) -> None:
    """Blocks are four megabytes; torn and blank records lie in several of them."""
    padding = "x" * 1000
    lines, expected, torn = [HEADER], [], []
    for number in range(2, 10_002):
        if number % 999 == 0:
            lines.append(f"torn{number}")
            torn.append((None, number))
        elif number % 1500 == 0:
            lines.append("")
        else:
            lines.append(f"R{number},{padding},1,")
            expected.append((f"R{number}", number))
    written(tmp_path, "\n".join(lines) + "\n")
    rows = sorted(read(tmp_path, contract), key=lambda row: row["_source_row"])
    assert numbered(rows) == sorted(expected + torn, key=lambda row: row[1])


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=8),
            st.text(st.sampled_from(list("ab,\"\n '£é;")), max_size=8),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("any")
    made = make_contract(folder, column("ref"), column("title"))
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("ref", "title"), *table])
    written(folder, out.getvalue())
    rows = sorted(read(folder, made), key=lambda row: row["_source_row"])
    assert [(row["ref"], row["title"], row["_source_row"]) for row in rows] == [
        (ref, title, number) for number, (ref, title) in enumerate(table, start=2)
    ]


def test_delimiters_and_byte_order_marks(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, "\ufeff" + HEADER.replace(",", ";") + "\nR1;a,b;1;\n")
    (row,) = read(tmp_path, contract, format={"delimiter": ";"})
    assert (row["ref"], row["title"]) == ("R1", "a,b")


def test_windows_text_is_read_when_it_is_said_to_be(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER}\nR1,£ – é,1,\n".encode("cp1252"))
    assert read(tmp_path, contract, format={"encoding": "cp1252"})[0]["title"] == "£ – é"


@pytest.mark.parametrize("lines", [1, 5000], ids=["at the top", "far down"])
@pytest.mark.parametrize(
    ("bad", "encoding", "other"),
    [(b"\xa3", "utf-8", "cp1252"), (b"\x81", "cp1252", "utf-8")],
    ids=["windows text as utf-8", "a byte that cp1252 does not know"],
)
def test_the_wrong_encoding_is_named_with_the_likely_one(
    tmp_path: Path, contract: Contract, lines: int, bad: bytes, encoding: str, other: str
) -> None:
    rows = "".join(f"R{number},plain text to fill the page,1,\n" for number in range(lines))
    path = written(tmp_path, f"{HEADER}\n{rows}".encode() + b"Rx," + bad + b"5,1,\n" + rows.encode())
    message = refusal(tmp_path, contract, format={"encoding": encoding})
    assert message.startswith(f"{path}: is not {encoding} (")
    assert message.endswith(f"). Set format.encoding; many exports are {other}.")


def test_a_character_cut_by_the_end_of_the_first_look_is_no_error(tmp_path: Path, contract: Contract) -> None:
    head = f"{HEADER}\nR1,".encode()
    filling = b"a" * ((1 << 16) - len(head) - 1)
    written(tmp_path, head + filling + "é".encode() * 10 + b",1,\n")
    (row,) = read(tmp_path, contract)
    assert row["title"] == filling.decode() + "é" * 10


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n"])
def test_an_empty_file_is_refused(tmp_path: Path, contract: Contract, content: bytes) -> None:
    path = written(tmp_path, content)
    assert refusal(tmp_path, contract) == f"{path}: the file is empty. Nothing landed; ask for it again."


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n,,,\n"])
def test_a_file_of_a_header_alone_gives_no_rows(tmp_path: Path, contract: Contract, end: str) -> None:
    written(tmp_path, HEADER + end)
    assert read(tmp_path, contract) == []


def test_several_value_columns_become_rows(tmp_path: Path) -> None:
    made = make_contract(tmp_path, column("area_code"), column("period"), column("value_name"), column("value"))
    settings = {
        "files": "*.csv",
        "format": {"unpivot": {"columns": "value_*", "name": "value_name", "value": "value"}},
        "absent": ["value_name"],
    }
    written(tmp_path / "in", "area_code,value_boys,period,value_girls\nE1,1,2024,2\nE2,3,2024,\n", "a.csv")
    written(tmp_path / "in", "area_code,period,value\nE3,2025,7\n", "b.csv")
    rows = read(tmp_path / "in", made, **settings)
    assert [
        (row["area_code"], row["period"], row.get("value_name"), row["value"], row["_source_row"]) for row in rows
    ] == [
        ("E1", "2024", "value_boys", "1", 2),
        ("E2", "2024", "value_boys", "3", 3),
        ("E1", "2024", "value_girls", "2", 2),
        ("E2", "2024", "value_girls", "", 3),
        ("E3", "2025", None, "7", 2),
    ]


# Which files


def test_a_file_a_month_makes_one_extract_a_quarter(tmp_path: Path, contract: Contract) -> None:
    for month in ("2025-04", "2025-05", "2025-06", "2025-07", "2025-08", "2025-09"):
        written(tmp_path, f"{HEADER}\nR{month},,,\n", f"ledger_{month}.csv")
    extracts = extracts_of(tmp_path, contract, [Q1, Q2], files="ledger_{period:%Y-%m}.csv")
    assert [extract.quarter for extract in extracts] == [Q1, Q2]
    refs = [[row["ref"] for batch in extract.batches for row in batch.to_pylist()] for extract in extracts]
    assert refs == [["R2025-04", "R2025-05", "R2025-06"], ["R2025-07", "R2025-08", "R2025-09"]]
    assert extracts[0].origin == f"{tmp_path}/ledger_2025-04.csv … ledger_2025-06.csv"


def test_a_file_a_quarter_and_a_file_a_year(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER}\nquarter,,,\n", "register_2025-26-Q4.csv")
    written(tmp_path, f"{HEADER}\nyear,,,\n", "spend_2025-26.csv")
    (quarterly,) = extracts_of(tmp_path, contract, [Q4], files="register_{quarter}.csv")
    assert quarterly.quarter == Q4
    assert [row["ref"] for batch in quarterly.batches for row in batch.to_pylist()] == ["quarter"]
    (yearly,) = extracts_of(tmp_path, contract, [Q1, Q2, Q4], files="spend_{financial_year}.csv")
    assert yearly.quarter is None
    assert [row["ref"] for batch in yearly.batches for row in batch.to_pylist()] == ["year"], "read once"


def test_patterns_and_lists_read_several_files_in_order(tmp_path: Path, contract: Contract) -> None:
    for name in ("b.csv", "a.csv", "c.csv", "notes.txt"):
        written(tmp_path, f"{HEADER}\n{name},,,\n", name)
    assert [row["ref"] for row in read(tmp_path, contract, files="*.csv")] == ["a.csv", "b.csv", "c.csv"]
    assert [row["ref"] for row in read(tmp_path, contract, files=["c.csv", "a.csv"])] == ["c.csv", "a.csv"]


def test_a_file_that_is_not_there_is_named_with_what_is(tmp_path: Path, contract: Contract) -> None:
    folder = tmp_path / "in"
    written(folder, HEADER, "thing.csv")
    written(folder, HEADER, "other.csv")
    assert refusal(folder, contract) == (
        f"{folder}: there is no file 'things.csv'. Did you mean 'thing.csv'? The folder has: 'other.csv', 'thing.csv'."
    )
    for number in range(8):
        written(folder, HEADER, f"x{number}.csv")
    assert refusal(folder, contract).endswith("'x2.csv', 'x3.csv' and 4 more.")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, contract: Contract) -> None:
    (tmp_path / "things.csv").mkdir()
    assert refusal(tmp_path, contract) == (f"{tmp_path}/things.csv: is not a file. Name a file, or use `*`.")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, contract: Contract) -> None:
    assert refusal(tmp_path / "gone", contract) == (
        f"{tmp_path}/gone: there is no such folder. Check connection.location and its variable."
    )


@pytest.mark.parametrize(
    "name", ["../outside.csv", "in/../../outside.csv", "../*.csv", "link.csv", "*.csv", "up/outside.csv"]
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, contract: Contract, name: str) -> None:
    inside = tmp_path / "inside"
    (inside / "in").mkdir(parents=True)
    written(tmp_path, f"{HEADER}\nsecret,,,\n", "outside.csv")
    (inside / "link.csv").symlink_to(tmp_path / "outside.csv")
    (inside / "up").symlink_to(tmp_path)
    message = refusal(inside, contract, files=name)
    assert f"lies outside {inside}; links and '..' that lead out are not followed." in message


def test_links_that_stay_inside_are_followed(tmp_path: Path, contract: Contract) -> None:
    real = tmp_path / "real"
    written(real, f"{HEADER}\nR1,,,\n", "newest/things.csv")
    (real / "things.csv").symlink_to(real / "newest" / "things.csv")
    (tmp_path / "link").symlink_to(real)
    assert numbered(read(tmp_path / "link", contract)) == [("R1", 2)]


# Zip archives


def zipped(path: Path, members: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_one_csv_of_a_zip_is_read(tmp_path: Path, contract: Contract) -> None:
    path = zipped(tmp_path / "things.zip", {"readme.txt": "read me", "data/things.csv": f"{HEADER}\nR1,,,\n"})
    (row,) = read(tmp_path, contract, files="things.zip")
    assert (row["ref"], row["_source"]) == ("R1", f"{path}!data/things.csv")


def test_a_pattern_picks_among_several_members(tmp_path: Path, contract: Contract) -> None:
    zipped(tmp_path / "things.zip", {"a.csv": f"{HEADER}\nA,,,\n", "b.csv": f"{HEADER}\nB,,,\n"})
    (row,) = read(tmp_path, contract, files="things.zip", format={"member": "b*"})
    assert row["ref"] == "B"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "0 members match '*.csv', one is needed. It holds: none."),
        ({"readme.txt": ""}, "0 members match '*.csv', one is needed. It holds: 'readme.txt'."),
        ({"a.csv": "", "b.csv": ""}, "2 members match '*.csv', one is needed. It holds: 'a.csv', 'b.csv'."),
    ],
)
def test_a_zip_without_exactly_one_match_is_refused(
    tmp_path: Path, contract: Contract, members: dict[str, str], words: str
) -> None:
    path = zipped(tmp_path / "things.zip", members)
    assert refusal(tmp_path, contract, files="things.zip") == f"{path}: {words}"


def test_a_zip_that_is_none_is_refused(tmp_path: Path, contract: Contract) -> None:
    path = written(tmp_path, "no zip", "things.zip")
    message = f"{path}: is not a readable zip archive. Ask for the file again."
    assert refusal(tmp_path, contract, files="things.zip") == message


def test_a_zip_cut_short_is_refused(tmp_path: Path, contract: Contract) -> None:
    path = zipped(tmp_path / "things.zip", {"things.csv": f"{HEADER}\n" + "R1,,,\n" * 1000})
    path.write_bytes(path.read_bytes()[:-40])
    message = f"{path}: is not a readable zip archive. Ask for the file again."
    assert refusal(tmp_path, contract, files="things.zip") == message


def test_a_zip_whose_content_is_damaged_is_refused(tmp_path: Path, contract: Contract) -> None:
    rows = "".join(f"R{number * 7919 % 10007},title {number},,\n" for number in range(5000))
    path = zipped(tmp_path / "things.zip", {"things.csv": f"{HEADER}\n{rows}"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 50] = bytes(50)
    path.write_bytes(content)
    assert "is not a readable zip archive. Ask for the file again." in refusal(tmp_path, contract, files="things.zip")


def test_a_locked_zip_is_refused(tmp_path: Path, contract: Contract) -> None:
    path = zipped(tmp_path / "things.zip", {"things.csv": f"{HEADER}\nR1,,,\n"})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag "encrypted", in the member's own header and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refusal(tmp_path, contract, files="things.zip") == (
        f"{path}: 'things.csv' is locked with a password. Ask for it without one."
    )


# Workbooks

BOOK_HEADER = ["Ref", "Title", "Score", "On date"]


def book(folder: Path, rows: Sequence[Sequence[Any]], first_row: int = 0, sheet: str = "Corporate risks") -> Path:
    folder.mkdir(exist_ok=True)
    return write_workbook(folder / "things.xlsx", {sheet: rows, "Notes": [["nothing"]]}, first_row)


def test_a_workbooks_table_is_found_below_its_title(tmp_path: Path, contract: Contract) -> None:
    title = [["Brigstow City Council"], [], ["Position at", date(2025, 6, 30)], []]
    path = book(tmp_path, [*title, BOOK_HEADER, ["R1", "Flood", 3, date(2025, 4, 1)], ["R2", "Fire", 4]], first_row=2)
    assert read(tmp_path, contract, files="things.xlsx") == [
        {
            "ref": "R1",
            "title": "Flood",
            "score": "3",
            "on_date": "2025-04-01 00:00:00",
            "_source": str(path),
            "_source_row": 8,
        },
        {"ref": "R2", "title": "Fire", "score": "4", "_source": str(path), "_source_row": 9},
    ], "row numbers as the workbook shows them"


def test_true_dates_and_typed_in_dates_land_alike(tmp_path: Path, contract: Contract) -> None:
    rows = [["R1", "x", 3, datetime(2025, 4, 1)], ["R2", "x", 3.0, "01/04/2025"], ["R3", "x", "3", "2025-04-01"]]
    book(tmp_path, [BOOK_HEADER, *rows])
    extracts = extracts_of(tmp_path, contract, files="things.xlsx", format={"dates": "dd/mm/yyyy"})
    (landed,) = land(contract, extracts, tmp_path / "data", [Q1])
    assert rows_of(landed.path, "ref, score, on_date") == [(f"R{number}", 3, date(2025, 4, 1)) for number in (1, 2, 3)]


def test_the_first_sheet_counts_unless_one_is_named(tmp_path: Path, contract: Contract) -> None:
    sheets = {"One": [BOOK_HEADER, ["A", "x", 1]], "Two": [BOOK_HEADER, ["B", "x", 1]]}
    write_workbook(tmp_path / "things.xlsx", sheets)
    assert read(tmp_path, contract, files="things.xlsx")[0]["ref"] == "A"
    assert read(tmp_path, contract, files="things.xlsx", format={"sheet": "Two"})[0]["ref"] == "B"


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, contract: Contract) -> None:
    path = book(tmp_path, [BOOK_HEADER], sheet="Corporate Risk")
    assert refusal(tmp_path, contract, files="things.xlsx", format={"sheet": "Corporate risks"}) == (
        f"{path}: the workbook has no sheet 'Corporate risks'. Did you mean 'Corporate Risk'? "
        "It has: 'Corporate Risk', 'Notes'. Nothing landed. Mend `datasets.things.format.sheet` in the source's YAML, "
        "or ask the owner."
    )


def test_a_cell_in_error_is_refused_and_not_taken_for_empty(tmp_path: Path, contract: Contract) -> None:
    rows = [["R1", "x", 3], ["R2", "y", "=1/0"], ["R3", "z", 5]]
    path = book(tmp_path, [["A title"], BOOK_HEADER, *rows])
    found = read(tmp_path, contract, files="things.xlsx")
    assert numbered(found[:2]) == [("R1", 3), ("R3", 5)]
    (refused,) = found[2:]
    assert (refused["_source"], refused["_source_row"]) == (str(path), 4)
    assert refused["_refused"] == "cell C4 holds the error #DIV/0!"
    assert refused["_original"] == "R2, y, #DIV/0!, "


def test_an_error_above_the_table_does_no_harm_and_one_in_its_first_row_does(
    tmp_path: Path, contract: Contract
) -> None:
    book(tmp_path, [["A total that fails", "=1/0"], BOOK_HEADER, ["R1", "x", "=1/0"], ["R2", "y", 2]])
    found = read(tmp_path, contract, files="things.xlsx")
    assert [(row["_source_row"], "_refused" in row) for row in found] == [(4, False), (3, True)]


def test_blank_rows_of_a_workbook_are_left_out_and_numbered_over(tmp_path: Path, contract: Contract) -> None:
    book(tmp_path, [BOOK_HEADER, ["R1", "x", 1], [], [" ", None], ["R2", "y", 2], [], []])
    assert numbered(read(tmp_path, contract, files="things.xlsx")) == [("R1", 2), ("R2", 5)]


def test_amounts_of_a_workbook_land_to_the_penny(tmp_path: Path) -> None:
    """A workbook holds binary fractions: what it shows as 99,999,999.99 it stores as 99999999.989999995."""
    made = make_contract(tmp_path, column("ref"), column("amount_gbp", "DECIMAL(14,2)"))
    amounts = [0.1 + 0.2, 99999999.99, -0.01, 100, 10007999999, "£1,234.56", "(5.00)"]
    book(tmp_path, [["ref", "amount_gbp"], *(["R", amount] for amount in amounts)])
    (landed,) = land(made, extracts_of(tmp_path, made, files="things.xlsx"), tmp_path / "data", [Q1])
    found = [str(amount) for (amount,) in rows_of(landed.path, "amount_gbp")]
    assert found == ["0.30", "99999999.99", "-0.01", "100.00", "10007999999.00", "1234.56", "-5.00"]


def test_a_workbook_without_rows_or_without_anything(tmp_path: Path, contract: Contract) -> None:
    book(tmp_path, [BOOK_HEADER])
    assert read(tmp_path, contract, files="things.xlsx") == []
    write_workbook(tmp_path / "things.xlsx", {"Empty": []})
    assert "no row among the first 0 has the headings of made.things." in refusal(
        tmp_path, contract, files="things.xlsx"
    )


@pytest.mark.parametrize("content", [b"", b"ref,title\n", b"PK\x03\x04 torn"])
def test_a_workbook_that_is_none_is_refused(tmp_path: Path, contract: Contract, content: bytes) -> None:
    path = written(tmp_path, content, "things.xlsx")
    message = refusal(tmp_path, contract, files="things.xlsx")
    assert message.startswith((f"{path}: cannot be read as a workbook: ", f"{path}: is not a readable workbook."))
    assert message.endswith(". Ask for the file again.")


# Behind an address


def test_a_file_behind_an_address_is_read_like_one_in_a_folder(contract: Contract) -> None:
    content = f"{HEADER}\nR1,Flood,3,\n".encode()
    with faults({"/open/spend_2025-26.csv": [Answer(content, content_type="text/csv")]}) as server:
        (row,) = read(f"{server.url}/open/", contract, files="spend_{financial_year}.csv")
        assert (row["ref"], row["_source"], row["_source_row"]) == ("R1", f"{server.url}/open/spend_2025-26.csv", 2)
        assert [asked.path for asked in server.asked] == ["/open/spend_2025-26.csv"]


def test_a_file_that_the_server_does_not_have(contract: Contract) -> None:
    with faults({}) as server:
        message = refusal(server.url, contract)
        assert message.startswith(f"{server.url}/things.csv: refused with status 404 Not Found: ")
        assert message.endswith(" Check the path.")


def test_a_login_page_instead_of_the_file_is_refused(contract: Contract) -> None:
    page = b"<html><head><title>Sign in</title></head></html>"
    with faults({"/things.csv": [Answer(page, content_type="text/html")]}) as server:
        assert refusal(server.url, contract).startswith(
            f"{server.url}/things.csv: answered 'text/html' instead of a file (a login or maintenance page?)."
        )


def test_only_https_and_loopback_addresses_are_taken() -> None:
    with pytest.raises(ValueError, match=r"'http://files\.example' must be an https address"):
        files.Connection(location="http://files.example/open?key=secret")


def test_reaching_asks_for_one_file_by_name(contract: Contract) -> None:
    with faults({"/things.csv": [Answer(b"x")]}) as server:
        connection = files.Connection(location=server.url)
        files.reach(connection, request_of())
        files.reach(connection, request_of(files="monthly_{period:%Y-%m}.csv"))
        assert [asked.path for asked in server.asked] == ["/things.csv"], "which months there are is not known yet"
        with pytest.raises(SourceError, match="refused with status 404"):
            files.reach(connection, request_of(files="other.csv"))


def test_reaching_a_folder_looks_for_files_that_are_named_in_full(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, HEADER, name="in/things.csv")
    connection = files.Connection(location=str(tmp_path))
    for there in ("in/things.csv", "in/none_{quarter}.csv", "none_*.csv"):
        files.reach(connection, request_of(files=there))
    with pytest.raises(SourceError, match=r"there is no file 'in/thing\.csv'\. Did you mean 'things\.csv'\?"):
        files.reach(connection, request_of(files="in/thing.csv"))


def test_landing_a_torn_file_keeps_its_good_rows(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER}\nR1,a,1,\nR2\nR3,c,3,\n")
    (landed,) = land(contract, extracts_of(tmp_path, contract), tmp_path / "data", [Q1])
    assert (landed.rows, landed.rejected) == (2, 1)
    assert rows_of(rejected_path(landed), "_source_row, _original") == [(3, "R2")]


# What has not changed


def landed_from(folder: Path, contract: Contract, *, again: bool = False, **settings: Any) -> tuple[Any, bool]:
    """What became of the folder's files, and whether the connector knew that they had landed."""
    extracts = extracts_of(folder / "in", contract, **settings)
    (landed,) = land(contract, extracts, folder / "data", [Q1], again=again)
    return landed, extracts[0].version.is_unchanged


def test_files_with_the_same_content_are_not_taken_apart_again(tmp_path: Path, contract: Contract) -> None:
    file = written(tmp_path, f"{HEADER}\nR1,a,1,\n", name="in/things.csv")
    first, known = landed_from(tmp_path, contract)
    assert (first.unchanged, first.rows, known) == (False, 1, False)
    file.touch()  # sent again, as it was
    again, known = landed_from(tmp_path, contract)
    assert (again.unchanged, again.path, again.rows, known) == (True, first.path, 1, True)
    asked, known = landed_from(tmp_path, contract, again=True)
    assert (asked.unchanged, asked.path, known) == (True, first.path, False), "whoever asks for all gets it read"


def test_another_content_of_the_same_size_and_time_is_seen(tmp_path: Path, contract: Contract) -> None:
    file = written(tmp_path, f"{HEADER}\nR1,a,1,\n", name="in/things.csv")
    landed_from(tmp_path, contract)
    before = file.stat()
    file.write_text(f"{HEADER}\nR1,a,2,\n", encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    changed, known = landed_from(tmp_path, contract)
    assert (changed.unchanged, known) == (False, False)
    assert rows_of(changed.path, "score") == [(2,)]


def test_one_file_more_one_less_or_another_name_is_a_change(tmp_path: Path, contract: Contract) -> None:
    for name in ("a", "b", "y", "z"):
        written(tmp_path, f"{HEADER}\n{name},x,1,\n", name=f"in/{name}.csv")
    landed_from(tmp_path, contract, files="*.csv")
    written(tmp_path, f"{HEADER}\nc,x,1,\n", name="in/c.csv")
    more, _ = landed_from(tmp_path, contract, files="*.csv")
    assert rows_of(more.path, "ref", "ref") == [("a",), ("b",), ("c",), ("y",), ("z",)]
    (tmp_path / "in" / "b.csv").unlink()
    fewer, _ = landed_from(tmp_path, contract, files="*.csv")
    assert rows_of(fewer.path, "ref", "ref") == [("a",), ("c",), ("y",), ("z",)]
    (tmp_path / "in" / "c.csv").rename(tmp_path / "in" / "d.csv")
    _, known = landed_from(tmp_path, contract, files="*.csv")
    assert not known, "where rows came from is told of them"


def test_the_same_file_read_in_another_way_is_read_again(tmp_path: Path, contract: Contract) -> None:
    written(tmp_path, f"{HEADER},other\nR1,a,1,,b\n", name="in/things.csv")
    landed_from(tmp_path, contract)
    mapped, known = landed_from(tmp_path, contract, columns={"title": "other"})
    assert (mapped.unchanged, known) == (False, False)
    assert rows_of(mapped.path, "title") == [("b",)]


def test_a_file_that_was_refused_is_read_again(tmp_path: Path, contract: Contract) -> None:
    file = written(tmp_path, "title,score,on_date\na,1,\n", name="in/things.csv")
    for _ in range(2):
        refused, known = landed_from(tmp_path, contract)
        assert refused.error and not known
    file.write_text(f"{HEADER}\nR1,a,1,\n", encoding="utf-8")
    landed, _ = landed_from(tmp_path, contract)
    assert landed.rows == 1


def test_a_large_file_is_always_read(tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_LARGEST", 10)
    written(tmp_path, f"{HEADER}\nR1,a,1,\n", name="in/things.csv")
    for unchanged in (False, True):
        landed, known = landed_from(tmp_path, contract)
        assert (landed.unchanged, known) == (unchanged, False)
