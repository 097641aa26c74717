"""Payments of two councils as they published them, month by month: other headings, dates and encodings in every file.

One YAML each, the contract of the project, and no row lost. Expectations were counted by others, or are counted here
by plain Python.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from support.real import DATA, asked, landed, needs, real_data, real_source, records

from sources.landing import Landed
from sources.periods import Quarter

HYNDBURN, LEEDS = DATA / "hyndburn_spend", DATA / "leeds_spend"
_used = real_data  # a fixture


def quarters(first: Quarter, last: Quarter) -> list[Quarter]:
    """All from `first` to `last`."""
    found = [first]
    while found[-1] != last:
        found.append(found[-1].next)
    return found


@pytest.fixture(scope="module")
def hyndburn(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Landed]:
    source = real_source("hyndburn", "transparency")
    asked_for = quarters(Quarter(2016, 4), Quarter(2021, 3))
    return landed(source, "supplier_spend", tmp_path_factory.mktemp("hyndburn"), asked_for)


@needs("hyndburn_spend")
def test_every_file_of_hyndburn_reconciles(hyndburn: list[Landed]) -> None:
    assert [item.error for item in hyndburn if item.error] == []
    assert sum(item.rejected for item in hyndburn) == 0
    assert asked(hyndburn, "count(*), sum(amount_gbp)") == [(12_245, Decimal("39330664.24"))]
    expected = {
        record["file"]: (
            int(record["payment_rows"]),
            Decimal(record["sum_gbp"]),
            date.fromisoformat(record["first_date"]),
            date.fromisoformat(record["last_date"]),
        )
        for record in records(HYNDBURN / "expected_open.csv")
    }
    assert len(expected) == 56
    name = "parse_filename(_source) as file"
    found = asked(hyndburn, f"{name}, count(*), sum(amount_gbp), min(payment_date), max(payment_date)", "group by file")
    assert {file: tuple(figures) for file, *figures in found} == expected


@needs("hyndburn_spend")
def test_what_was_found_in_hyndburns_files_is_said(hyndburn: list[Landed]) -> None:
    notes = hyndburn[0].notes
    contents = {path.name: path.read_bytes() for path in (HYNDBURN / "raw").iterdir()}
    of_dos = sum(b"\x9c" in content for content in contents.values())
    blank = sum(
        not any(cell.strip() for cell in row)
        for content in contents.values()
        for row in csv.reader(io.StringIO(content.decode("cp850"), newline=""))
    )
    assert of_dos == 5
    assert [note.rpartition(": ")[2] for note in notes] == [
        "read as cp1252",
        "read as cp850",
        f"{blank:,} blank rows left out",
    ]
    assert notes[0].startswith("1491307420513__1701.csv, 1492087660892__1702.csv and 49 more: ")
    assert notes[1].startswith("1496233911350__1703.csv, 1496233958868__1704.csv and 3 more: ")


@needs("hyndburn_spend")
def test_rows_of_hyndburn_are_found_again_by_their_number(hyndburn: list[Landed]) -> None:
    """One file ends its lines with carriage returns alone and has the numbers of Excel for dates."""
    path = HYNDBURN / "raw" / "1572256936948__1908.csv"
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="cp1252"), newline=""))) if path.exists() else []
    found = asked(
        hyndburn,
        "_source_row, beneficiary_name, payment_date - date '1899-12-30', amount_gbp",
        "where _source like '%__1908.csv' order by _source_row",
    )
    assert found == [
        (number, row[4].strip(), int(row[5]), Decimal(row[6].replace(",", "")))
        for number, row in enumerate(rows[1:], start=2)
    ]


@needs("leeds_spend")
def test_every_month_of_leeds_lands_to_the_penny(real_data: Path, tmp_path: Path) -> None:
    expected = {}
    for path in (LEEDS / "raw").glob("*.csv.gz"):
        content = gzip.decompress(path.read_bytes())
        encoding = "cp1252" if path.name.startswith("2020") else "utf-8"
        heading, *rows = csv.reader(io.StringIO(content.decode(encoding), newline=""))
        headings = [cell.lower().replace(" ", "") for cell in heading]
        at = headings.index("netamount" if "netamount" in headings else "amount")
        amounts = [Decimal(row[at].strip().replace(",", "")) for row in rows if any(cell.strip() for cell in row)]
        expected[path.name] = (len(amounts), sum(amounts))
    assert len(expected) == 8
    asked_for = [Quarter.containing(date(int(name[:4]), int(name[5:7]), 1)) for name in sorted(expected)]
    found = landed(real_source("leeds", "transparency"), "supplier_spend", tmp_path, list(dict.fromkeys(asked_for)))
    assert [item.error for item in found if item.error] == []
    assert sum(item.rejected for item in found) == 0
    figures = asked(found, "parse_filename(_source) as file, count(*), sum(amount_gbp)", "group by file")
    assert {file: (rows, total) for file, rows, total in figures} == expected
    notes = Counter(note.rpartition(": ")[2] for note in found[0].notes)
    assert notes["55,940 blank rows left out"] == 1
    assert notes["read as cp1252"] == 1


@needs("leeds_spend")
def test_leeds_columns_hold_what_their_many_headings_say(real_data: Path, tmp_path: Path) -> None:
    found = landed(
        real_source("leeds", "transparency"), "supplier_spend", tmp_path, [Quarter(2010, 3), Quarter(2012, 3)]
    )
    old, new = (
        asked(
            [item],
            "organisational_unit, profit_centre, proclass_label, purpose, payment_date, transaction_number, "
            "amount_gbp, beneficiary_name",
            "order by _source_row limit 1",
        )[0]
        for item in found
    )
    assert old[:4] == (
        "Central & Corporate Functions",
        "Commercial Services Trading Services",
        "Supplies and services",
        "Operational Materials",
    )
    assert old[4:] == (date(2010, 12, 24), "1012-00001", Decimal("1616.23"), "A & A ELECTRICAL DISTRIBUTORS LTD")
    assert new[3:7] == ("Computer Software & Equipment", date(2012, 11, 13), "1211-00001", Decimal("765.00"))
