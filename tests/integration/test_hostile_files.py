"""Files made to do harm, or damaged: archives that unpack without end or lead elsewhere, workbooks that ask for all
memory, cells that no table holds. Each is refused in bounded memory, in words, and nothing of it lands."""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support.builders import (
    Q1,
    column,
    files_in,
    key,
    make_contract,
    reasons_of,
    rejected_path,
    rows_of,
    write_workbook,
)

from sources.connectors import archives, files
from sources.connectors.readers import columnar
from sources.contract import Contract
from sources.landing import Landed, land

SHARED = Path(__file__).parents[3] / "shared" / "data"
TABLE = b"ref,title\nA,first\nB,second\n"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("title"), maximumShrink=1.0)


def landed(folder: Path, contract: Contract, name: str, content: bytes | None = None, **form: Any) -> Landed:
    """What becomes of a file with this content."""
    exports = folder / "exports"
    exports.mkdir(exist_ok=True)
    if content is not None:
        (exports / name).write_bytes(content)
    connection = files.Connection(location=str(exports))
    request = files.Request.model_validate({"files": name, "format": form})
    (result,) = land(contract, files.extract(connection, request, contract, [Q1]), folder / "data", [Q1])
    return result


def refusal(folder: Path, contract: Contract, name: str, content: bytes | None = None, **form: Any) -> str:
    """What is said of it, without the folder."""
    result = landed(folder, contract, name, content, **form)
    assert result.error is not None
    assert files_in(folder / "data") == [], "nothing lands"
    assert result.error.startswith(f"{folder}/exports/{name}")
    return result.error.removeprefix(f"{folder}/exports/{name}").lstrip("!: ")


def rows(result: Landed) -> list[tuple[str, str]]:
    assert result.error is None
    return rows_of(result.path, "ref, title")


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


# Archives


def test_gzip_is_unpacked(tmp_path: Path, contract: Contract) -> None:
    result = landed(tmp_path, contract, "things.csv.gz", gzip.compress(TABLE))
    assert rows(result) == [("A", "first"), ("B", "second")]
    assert rows_of(result.path, "distinct _source", "1") == [(f"{tmp_path}/exports/things.csv.gz",)]
    lines = b'{"ref":"C","title":"third"}\n'
    assert rows(landed(tmp_path, contract, "things.jsonl.gz", gzip.compress(lines))) == [("C", "third")]
    two = gzip.compress(b"ref,title\nD,x\n") + gzip.compress(b"E,y\n")
    assert rows(landed(tmp_path, contract, "two.csv.gz", two)) == [("D", "x"), ("E", "y")]


def test_what_a_web_server_unpacked_on_the_way_is_read(tmp_path: Path, contract: Contract) -> None:
    assert rows(landed(tmp_path, contract, "things.csv.gz", TABLE)) == [("A", "first"), ("B", "second")]


def test_archives_are_known_by_what_they_hold(tmp_path: Path, contract: Contract) -> None:
    """A download often has no ending."""
    for content in (zipped([("things.csv", TABLE)]), gzip.compress(TABLE)):
        assert rows(landed(tmp_path, contract, "download", content)) == [("A", "first"), ("B", "second")]


@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: packed[:40] + b"\0\0\0" + packed[43:]])
def test_damaged_gzip_is_refused(tmp_path: Path, contract: Contract, damage: Callable[[bytes], bytes]) -> None:
    message = "is not a readable gzip file. Ask for the file again."
    packed = gzip.compress(b"ref,title\n" + os.urandom(4000).hex().encode())
    assert refusal(tmp_path, contract, "things.csv.gz", damage(packed)) == message


@pytest.mark.parametrize(
    "name", ["things.tar", "things.tar.gz", "things.tgz", "things.7z", "things.rar", "things.csv.bz2"]
)
def test_other_archives_are_refused(tmp_path: Path, contract: Contract, name: str) -> None:
    message = "is an archive of a kind that is not read. Ask for it as .zip or .gz."
    assert refusal(tmp_path, contract, name, b"whatever") == message


def test_two_members_that_match_are_named(tmp_path: Path, contract: Contract) -> None:
    content = zipped([("readme.txt", b""), ("2025.csv", TABLE), ("2026.CSV", TABLE)])
    assert refusal(tmp_path, contract, "things.zip", content) == (
        "2 members match '*.csv', one is needed. It holds: '2025.csv', '2026.CSV'."
    )
    assert len(rows(landed(tmp_path, contract, "things.zip", content, member="2025*"))) == 2


def test_what_macos_adds_is_no_member(tmp_path: Path, contract: Contract) -> None:
    content = zipped([("things.csv", TABLE), ("__MACOSX/._things.csv", b"\0\5\x16\7")])
    assert len(rows(landed(tmp_path, contract, "things.zip", content))) == 2


@pytest.mark.parametrize(
    "name", ["../things.csv", "a/../../things.csv", "/etc/things.csv", r"..\things.csv", r"C:\things.csv"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, contract: Contract, name: str) -> None:
    content = zipped([("good.csv", TABLE), (name, TABLE)])
    before = files_in(tmp_path)
    message = refusal(tmp_path, contract, "things.zip", content, member="good.csv")
    assert message == f"holds '{name}', a name that leads out of the archive; refused. Ask who made it."
    assert set(files_in(tmp_path)) - set(before) == {"exports/things.zip"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("inner.csv.zip", zipped([("things.csv", TABLE)])),
        ("inner.csv", zipped([("things.csv", TABLE)])),
        ("inner.csv.gz", gzip.compress(TABLE)),
        ("inner.csv", gzip.compress(TABLE)),
        ("inner.csv.tar", TABLE),
    ],
)
def test_archives_in_archives_are_refused(tmp_path: Path, contract: Contract, name: str, content: bytes) -> None:
    assert refusal(tmp_path, contract, "things.zip", zipped([(name, content)]), member="inner*") == (
        f"'{name}' is an archive itself; refused. Ask for the file in one archive only."
    )


def test_a_workbook_in_an_archive_is_no_archive(tmp_path: Path, contract: Contract) -> None:
    book = write_workbook(tmp_path / "things.xlsx", {"Things": [["ref", "title"], ["A", "first"]]})
    content = zipped([("things.xlsx", book.read_bytes())])
    assert rows(landed(tmp_path, contract, "things.zip", content, member="*.xlsx")) == [("A", "first")]


NOTHING = bytes(70_000_000)  # packs to a thousandth
BOMB = "unpacks to more than 300 times its size, as no table does; refused. Ask for it unpacked."


def test_a_zip_that_says_it_is_a_bomb(tmp_path: Path, contract: Contract) -> None:
    assert refusal(tmp_path, contract, "things.zip", zipped([("things.csv", NOTHING)])) == BOMB


def test_a_gzip_bomb(tmp_path: Path, contract: Contract) -> None:
    assert refusal(tmp_path, contract, "things.csv.gz", gzip.compress(NOTHING)) == BOMB


def directory_entry(content: bytes) -> int:
    return content.rindex(b"PK\x01\x02")


def test_a_zip_that_lies_about_its_size(tmp_path: Path, contract: Contract) -> None:
    """In its directory, which says less than comes out, and more than anybody has."""
    content = bytearray(zipped([("things.csv", TABLE * 1000)]))
    entry = directory_entry(content)
    content[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    message = refusal(tmp_path, contract, "things.zip", bytes(content))
    assert message == "is not a readable zip archive. Ask for the file again."
    content[entry + 24 : entry + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    assert refusal(tmp_path, contract, "things.zip", bytes(content)) == BOMB


def test_a_file_that_is_too_large_once_unpacked(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAXIMUM_UNPACKED", 1000)
    for name, content in {
        "things.zip": zipped([("things.csv", TABLE * 99)]),
        "t.csv.gz": gzip.compress(TABLE * 99),
    }.items():
        message = refusal(tmp_path, contract, name, content)
        assert message == "would unpack to more than 1,000 bytes; refused. Ask for it in parts."


# Workbooks

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{former};" * 10}">' for former, name in zip("abcdefgh", "bcdefghi", strict=True))
    + ' <!ENTITY file SYSTEM "file:///etc/passwd">]>'
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of a workbook that can be read."""
    table = [["ref", "title"], ["A", "first"]]
    path = write_workbook(tmp_path_factory.mktemp("sound") / "things.xlsx", {"Things": table})
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def altered(sound: dict[str, bytes], part: str, pattern: str, replacement: str) -> bytes:
    """The workbook with one part changed in one place."""
    text, times = re.subn(pattern.encode(), replacement.encode(), sound[part], count=1)
    assert times == 1
    return zipped((sound | {part: text}).items())


def test_the_sound_one_is_read(tmp_path: Path, contract: Contract, sound: dict[str, bytes]) -> None:
    """Whatever it says of its own size."""
    assert rows(landed(tmp_path, contract, "things.xlsx", zipped(sound.items()))) == [("A", "first")]
    content = altered(sound, SHEET, 'ref="A1:B2"', 'ref="A1:XFD1048576"')
    assert rows(landed(tmp_path, contract, "things.xlsx", content)) == [("A", "first")]


@pytest.mark.parametrize("entity", ["i", "file"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_entities_are_refused(
    tmp_path: Path, contract: Contract, sound: dict[str, bytes], entity: str, coding: str
) -> None:
    text = sound[STRINGS].decode().replace("<sst", f"{LAUGHS}<sst", 1).replace("first", f"&{entity};")
    content = zipped((sound | {STRINGS: text.replace("UTF-8", coding).encode(coding)}).items())
    assert refusal(tmp_path, contract, "things.xlsx", content) == (
        "'xl/sharedStrings.xml' declares a document type, as no spreadsheet program does; refused. Ask who made it."
    )


FAR = (
    "a sheet of it reaches over more than 16,777,216 cells; refused. Delete what stands far below or beside the table, "
    "or ask for it as CSV."
)


@pytest.mark.parametrize(
    ("part", "pattern", "replacement"),
    [
        (SHEET, "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
        (SHEET, "</sheetData>", "<row r='1048576' ><c\nr = 'XFD1048576'><v>1</v></c></row></sheetData>"),
        (SHEET, "</sheetData>", f'<x:row xmlns:x="{MAIN}" r="4000000000"><x:c><x:v>1</x:v></x:c></x:row></sheetData>'),
        (SHEET, "</sheetData>", f'<row r="1048576">{"<c/>" * 16_000}<c><v>1</v></c></row></sheetData>'),
        (SHEET, "</sheetData>", '<row r="1048576"><c r="XFD1048576" s="/>"><v>1</v></c></row></sheetData>'),
        (SHEET, "</sheetData>", '<row r="3"><c r="ZZZZZZ3"><v>1</v></c></row></sheetData>'),
        (STRINGS, r'uniqueCount="\d+"', 'uniqueCount="4000000000"'),
    ],
)
def test_a_workbook_that_asks_for_all_memory(
    tmp_path: Path, contract: Contract, sound: dict[str, bytes], part: str, pattern: str, replacement: str
) -> None:
    content = altered(sound, part, pattern, replacement)
    assert refusal(tmp_path, contract, "things.xlsx", content) == FAR


def test_styles_far_away_are_no_cells(tmp_path: Path, contract: Contract, sound: dict[str, bytes]) -> None:
    far = '<row r="1048576" s="1"><c r="XFD1048576" s="1"/></row></sheetData>'
    result = landed(tmp_path, contract, "things.xlsx", altered(sound, SHEET, "</sheetData>", far))
    assert rows(result) == [("A", "first")]


def test_a_workbook_that_is_a_bomb(tmp_path: Path, contract: Contract, sound: dict[str, bytes]) -> None:
    content = zipped((sound | {SHEET: NOTHING}).items())
    assert refusal(tmp_path, contract, "things.xlsx", content) == BOMB
    lying = bytearray(zipped(sound.items()))
    entry = lying.index(b"PK\x01\x02")
    lying[entry + 24 : entry + 28] = (4_000_000_000).to_bytes(4, "little")
    message = refusal(tmp_path, contract, "things.xlsx", bytes(lying))
    assert "workbooks above 536,870,912 are refused. Ask for it as CSV." in message


def ods(table: str, before: str = "") -> bytes:
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    content = (
        f'<?xml version="1.0"?>{before}<office:document-content{names}><office:body><office:spreadsheet>'
        f'<table:table table:name="Things">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped([("mimetype", kind), ("META-INF/manifest.xml", b"<manifest/>"), ("content.xml", content.encode())])


def ods_row(*texts: str, times: int = 1, cells: int = 1) -> str:
    many = f'table:number-columns-repeated="{cells}" office:value-type="string"'
    inside = "".join(f"<table:table-cell {many}><text:p>{text}</text:p></table:table-cell>" for text in texts)
    return f'<table:table-row table:number-rows-repeated="{times}">{inside}</table:table-row>'


REST = (
    '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/>'
    "</table:table-row>"
)


def test_an_ods_ends_in_a_million_empty_rows(tmp_path: Path, contract: Contract) -> None:
    content = ods(ods_row("ref", "title") + ods_row("A", "first") + REST)
    assert rows(landed(tmp_path, contract, "things.ods", content)) == [("A", "first")]


@pytest.mark.parametrize(
    "table",
    [
        ods_row("x", times=1_048_576, cells=20),
        ods_row("x", times=1_048_576, cells=4) * 5,
        ods_row("x", cells=16_000) + REST + ods_row("x"),
        ods_row('<text:s text:c="2000000000"/>'),
    ],
)
def test_an_ods_that_asks_for_all_memory(tmp_path: Path, contract: Contract, table: str) -> None:
    assert refusal(tmp_path, contract, "things.ods", ods(table)) == FAR


def test_entities_in_an_ods_are_refused(tmp_path: Path, contract: Contract) -> None:
    assert refusal(tmp_path, contract, "things.ods", ods(ods_row("&i;"), LAUGHS)) == (
        "'content.xml' declares a document type, as no spreadsheet program does; refused. Ask who made it."
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published .xls does not lie beside this checkout")
def test_an_xls_that_asks_for_all_memory(tmp_path: Path, contract: Contract) -> None:
    """A real one, in which one text was moved to the last row and the last column that the format can name."""
    content = bytearray((SHARED / "hr_absenteeism_uci" / "Absenteeism_at_work.xls").read_bytes())
    place = content.rindex(b"\xfd\x00\x0a\x00") + 4  # LABELSST: row, column, …
    content[place : place + 4] = b"\xff\xff\xff\xff"
    assert refusal(tmp_path, contract, "things.xls", bytes(content)) == FAR


# Cells


def test_a_cell_too_long_refuses_its_row(tmp_path: Path, contract: Contract) -> None:
    long = "é" * 600_000
    for name, content in {
        "things.csv": f'ref,title\nA,first\nB,"{long}"\n',
        "things.jsonl": f'{{"ref":"A","title":"first"}}\n{{"ref":"B","title":"{long}"}}\n',
    }.items():
        result = landed(tmp_path, contract, name, content.encode())
        assert rows(result) == [("A", "first")]
        assert list(reasons_of(result).values()) == [["title has more than 1,000,000 bytes in one cell"]]
        assert rows_of(rejected_path(result), "ref, title") == [("B", "é" * 200 + "…")]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_cell_without_end_is_refused(tmp_path: Path, contract: Contract, quote: bytes) -> None:
    content = b"ref,title\nA," + quote + b"x" * 20_000_000 + b"\nB,second\n"
    assert refusal(tmp_path, contract, "things.csv", content) == (
        "the record after row 1 does not end within 2 MB. A quotation mark in it was never closed, or this is no "
        "delimited text. Ask for the file again."
    )


def test_json_without_end_is_refused(tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "_LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(columnar, "_LARGEST_LIST", 1 << 20)
    record = b'{"ref":"A","title":"' + b"x" * (1 << 20) + b'"}'
    assert refusal(tmp_path, contract, "things.jsonl", record) == (
        "line 1 is longer than 1 MB; refused. Ask for one record a line."
    )
    assert refusal(tmp_path, contract, "things.json", b"[" + record + b"]").startswith("is one JSON list of more than")
    assert "nested too deeply" in refusal(tmp_path, contract, "deep.json", b"[" * 100_000)


def test_nul_characters_refuse_their_row(tmp_path: Path, contract: Contract) -> None:
    result = landed(tmp_path, contract, "things.csv", b"ref,title\nA,fir\0st\nB,second\nC\0,third\n")
    assert rows(result) == [("B", "second")]
    assert reasons_of(result) == {2: ["title holds a NUL character"], 4: ["ref holds a NUL character"]}
    assert rows_of(rejected_path(result), "ref, title") == [("A", "fir␀st"), ("C␀", "third")]


FORMULAS = ("=cmd|' /C calc'!A0", "@SUM(1)", "+1+2", "-1+2", '=HYPERLINK("http://x.example")')


def test_text_that_a_spreadsheet_would_run_is_kept_as_data(tmp_path: Path, contract: Contract) -> None:
    """What leaves in CSV is made harmless there: see the tests of exports."""
    quoted = [text.replace('"', '""') for text in FORMULAS]
    content = "ref,title\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(quoted))
    assert [title for _, title in rows(landed(tmp_path, contract, "things.csv", content.encode()))] == list(FORMULAS)
