"""Landing: text becomes typed rows, bad rows stand aside with every reason, and a slot lands whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.builders import (
    Q1,
    Q2,
    Q3,
    Q4,
    column,
    extract_of,
    files_in,
    key,
    land_rows,
    make_contract,
    reasons_of,
    rejected_path,
    rows_of,
)

from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError
from sources.extract import UNMAPPED, Extract, Format, refused_batch
from sources.landing import describe, extracts_in_force, land

BRITISH = Format(dates="dd/mm/yyyy")


def land_values(
    tmp_path: Path, item: dict[str, Any], values: list[str | None], form: Format | None = None
) -> list[Any]:
    """What becomes of one column's values: the typed value, or for a refused row the list of its reasons."""
    contract = make_contract(tmp_path, column("place"), item)
    rows = [{"place": "here", item["name"]: value} for value in values]
    landed = land_rows(contract, tmp_path / f"{item['name']}-{form}", rows, form)
    assert landed.error is None or landed.rows == 0
    outcome: dict[int, Any] = dict(rows_of(landed.path, f"_source_row, {item['name']}")) if landed.path else {}
    if landed.path and landed.rejected:
        outcome |= reasons_of(landed)
    return [outcome[number] for number in range(2, 2 + len(values))]


# Values of each type


def test_dates_in_iso_form_are_always_read(tmp_path: Path) -> None:
    values = [
        "2025-04-01",
        "2024-02-29",
        "2025-04-01 00:00:00",
        "2025-04-01T09:30:00Z",
        " 2025-04-01 ",
        "9999-12-31",
        None,
    ]
    april = date(2025, 4, 1)
    for form in (Format(), BRITISH):
        found = land_values(tmp_path, column("on_date", "date"), values, form)
        assert found == [april, date(2024, 2, 29), april, april, april, date(9999, 12, 31), None]


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        ("dd/mm/yyyy", "03/04/2025"),
        ("dd/mm/yyyy", "3/4/2025"),
        ("dd-mm-yyyy", "03-04-2025"),
        ("dd.mm.yyyy", "03.04.2025"),
        ("dd/mm/yy", "03/04/25"),
        ("d mmm yyyy", "3 Apr 2025"),
        ("yyyymmdd", "20250403"),
        ("yyyy-mm-dd", "2025-04-03"),
    ],
)
def test_dates_in_the_sources_spelling(tmp_path: Path, spelling: str, text: str) -> None:
    assert land_values(tmp_path, column("on_date", "date"), [text], Format(dates=spelling)) == [date(2025, 4, 3)]


def test_the_day_comes_first_even_where_american_reading_would_do(tmp_path: Path) -> None:
    found = land_values(tmp_path, column("on_date", "date"), ["01/12/2025", "12/01/2025"], BRITISH)
    assert found == [date(2025, 12, 1), date(2025, 1, 12)]


@pytest.mark.parametrize("form", [Format(), BRITISH], ids=["iso", "british"])
@pytest.mark.parametrize(
    "text",
    [
        "31/02/2025",
        "2025-02-31",
        "29/02/2025",
        "01/13/2025",
        "01/04/25",
        "45000",
        "infinity",
        "epoch",
        "soon",
        "2025",
        "2025-04-01 (BC)",
    ],
)
def test_a_date_that_does_not_exist_is_refused_not_guessed(tmp_path: Path, text: str, form: Format) -> None:
    assert land_values(tmp_path, column("on_date", "date"), ["2025-04-01", text], form)[1] == [
        f'on_date "{text}" is not a date that exists'
    ]


def test_without_a_spelling_slashed_dates_are_refused(tmp_path: Path) -> None:
    assert land_values(tmp_path, column("on_date", "date"), ["2025-04-01", "01/04/2025"])[1] == [
        'on_date "01/04/2025" is not a date that exists'
    ]


def test_moments(tmp_path: Path) -> None:
    values = [
        "2025-04-01 09:30:15",
        "2025-04-01T09:30:15.250",
        "2025-07-01T09:30:00Z",
        "2025-04-01",
        "01/04/2025",
        "01/04/2025 09:30",
        "31/04/2025 09:30",
        "01/04/25",
    ]
    found = land_values(tmp_path, column("updated_at", "timestamp"), values, BRITISH)
    assert found == [
        datetime(2025, 4, 1, 9, 30, 15),
        datetime(2025, 4, 1, 9, 30, 15, 250_000),
        datetime(2025, 7, 1, 9, 30),
        datetime(2025, 4, 1),
        datetime(2025, 4, 1),
        datetime(2025, 4, 1, 9, 30),
        ['updated_at "31/04/2025 09:30" is not a moment'],
        ['updated_at "01/04/25" is not a moment'],
    ]


@pytest.mark.parametrize(
    ("text", "pounds"),
    [
        ("12", "12.00"),
        ("12.5", "12.50"),
        ("0", "0.00"),
        ("-0.01", "-0.01"),
        ("£1,234.56", "1234.56"),
        ("1,234,567.89", "1234567.89"),
        ("(12.00)", "-12.00"),
        ("(£1,234.56)", "-1234.56"),
        ("12.00-", "-12.00"),
        ("£12.00-", "-12.00"),
        ("-£5", "-5.00"),
        ("£-5", "-5.00"),
        ("−5.00", "-5.00"),  # the true minus sign
        ("+5.00", "5.00"),
        (" 5 ", "5.00"),
        ("999999999999.99", "999999999999.99"),
    ],
)
def test_money_as_ledgers_write_it(tmp_path: Path, text: str, pounds: str) -> None:
    assert land_values(tmp_path, column("amount_gbp", "DECIMAL(14,2)"), [text]) == [Decimal(pounds)]


@pytest.mark.parametrize(
    "text",
    [
        "1,23",
        "1,2345.00",
        "12,34,567",
        "1.234,56",
        "£",
        "-",
        "()",
        "(12.00",
        "12.00)",
        "--5",
        "-12.00-",
        "-(12.00)",
        "12 pounds",
        "$5",
        "€5",
        "nan",
        "inf",
        "1000000000000.00",
        "12.00 CR",
        "0x1F",
    ],
)
def test_money_that_could_mean_something_else_is_refused(tmp_path: Path, text: str) -> None:
    assert land_values(tmp_path, column("amount_gbp", "DECIMAL(14,2)"), ["1.00", text])[1] == [
        f'amount_gbp "{text}" is not a number'
    ]


@given(
    pence=st.integers(-(10**13), 10**13),
    style=st.sampled_from(
        ["{sign}{plain}", "{sign}£{commas}", "{sign}{commas}", "£{sign}{plain}", "brackets", "trailing"]
    ),
)
@example(pence=0, style="brackets")
@example(pence=-1, style="trailing")
@example(pence=100_000, style="{sign}£{commas}")
def test_money_comes_back_to_the_penny(tmp_path_factory: pytest.TempPathFactory, pence: int, style: str) -> None:
    amount = Decimal(pence) / 100
    size = abs(amount)
    if style == "brackets":
        text = f"(£{size:,.2f})" if pence < 0 else f"£{size:,.2f}"
    elif style == "trailing":
        text = f"{size:.2f}-" if pence < 0 else f"{size:.2f}"
    else:
        text = style.format(sign="-" if pence < 0 else "", plain=f"{size:.2f}", commas=f"{size:,.2f}")
    folder = tmp_path_factory.mktemp("money")
    assert land_values(folder, column("amount_gbp", "DECIMAL(15,2)"), [text]) == [amount]


def test_whole_numbers(tmp_path: Path) -> None:
    values = ["3", "-3", "3.0", "3.000", "1,234", "2147483647", "3.7", "1,23", "2147483648", "three", "3e2", "", None]
    assert land_values(tmp_path, column("stage", "integer"), values) == [
        3,
        -3,
        3,
        3,
        1234,
        2147483647,
        ['stage "3.7" is not a whole number'],
        ['stage "1,23" is not a whole number'],
        ['stage "2147483648" is not a whole number'],
        ['stage "three" is not a whole number'],
        ['stage "3e2" is not a whole number'],
        None,
        None,
    ]


def test_booleans(tmp_path: Path) -> None:
    values = ["true", "Yes", "y", "1", "FALSE", "no", "N", "0", "maybe", "2", None]
    assert land_values(tmp_path, column("is_disputed", "boolean"), values) == [
        *[True] * 4,
        *[False] * 4,
        ['is_disputed "maybe" is not yes or no'],
        ['is_disputed "2" is not yes or no'],
        None,
    ]


def test_text_keeps_case_and_inner_blanks_and_loses_those_around(tmp_path: Path) -> None:
    values = ["  O'Brien  & Söhne ", 'says "no"', "two\nlines", "007", "1,234", "’", "NULL", "", "   "]
    assert land_values(tmp_path, column("supplier"), values) == [
        "O'Brien  & Söhne",
        'says "no"',
        "two\nlines",
        "007",
        "1,234",
        "’",
        None,
        None,
        None,
    ]


def test_nulls_are_what_the_source_says_they_are(tmp_path: Path) -> None:
    form = Format(nulls=["NA", "n/a", "it's nothing"])
    values = ["NA", "n/a", "it's nothing", "", "NULL", "na"]
    assert land_values(tmp_path, column("supplier"), values, form) == [None, None, None, None, "NULL", "na"]


def test_a_required_value_that_is_missing_is_refused(tmp_path: Path) -> None:
    found = land_values(tmp_path, column("supplier", required=True), ["A", "", None, "NULL"])
    assert found == ["A", *[["supplier is missing"]] * 3]


def test_bounds_are_inclusive_and_exclusive_as_they_say(tmp_path: Path) -> None:
    fte = column("fte", "DECIMAL(5,3)", logicalTypeOptions={"exclusiveMinimum": 0, "maximum": 1})
    assert land_values(tmp_path, fte, ["0.001", "1", "0", "-0.5", "1.001", None]) == [
        Decimal("0.001"),
        Decimal("1.000"),
        ['fte "0" is not above 0'],
        ['fte "-0.5" is not above 0'],
        ['fte "1.001" is above 1'],
        None,
    ]
    stage = column("stage", "integer", logicalTypeOptions={"minimum": 1, "maximum": 2})
    assert land_values(tmp_path, stage, ["1", "2", "0", "3"]) == [
        1,
        2,
        ['stage "0" is below 1'],
        ['stage "3" is above 2'],
    ]


def test_a_bound_of_many_digits_is_not_rounded(tmp_path: Path) -> None:
    item = column("population", "integer", logicalTypeOptions={"maximum": 1234567})
    assert land_values(tmp_path, item, ["1234567", "1234568"]) == [1234567, ['population "1234568" is above 1234567']]


def test_only_listed_values_are_taken(tmp_path: Path) -> None:
    item = column("outcome", enum=[{"value": "upheld"}, {"value": "council's fault"}])
    assert land_values(tmp_path, item, ["upheld", "council's fault", "Upheld", None]) == [
        "upheld",
        "council's fault",
        ['outcome "Upheld" is not an allowed value'],
        None,
    ]


def test_a_pattern_holds_for_the_whole_value(tmp_path: Path) -> None:
    item = column("area_code", logicalTypeOptions={"pattern": "E0[6-9][0-9]{6}"})
    assert land_values(tmp_path, item, ["E08000009", "E080000091", "xE08000009"]) == [
        "E08000009",
        ['area_code "E080000091" does not have the agreed form'],
        ['area_code "xE08000009" does not have the agreed form'],
    ]


# Rows


def test_row_rules_pass_when_something_they_need_is_absent(tmp_path: Path) -> None:
    contract = make_contract(
        tmp_path,
        column("received_date", "date"),
        column("answered_date", "date"),
        rules={"answered on or after receipt": "answered_date >= received_date"},
    )
    rows = [
        {"received_date": "2025-04-02", "answered_date": "2025-04-02"},
        {"received_date": "2025-04-02", "answered_date": None},
        {"received_date": "2025-04-02", "answered_date": "2025-04-01"},
    ]
    landed = land_rows(contract, tmp_path / "data", rows)
    assert (landed.rows, landed.rejected) == (2, 1)
    assert reasons_of(landed) == {4: ["breaks the rule: answered on or after receipt"]}


def test_a_row_with_several_faults_keeps_every_reason(tmp_path: Path) -> None:
    contract = make_contract(
        tmp_path,
        key("risk_id"),
        column("on_date", "date", required=True),
        column("fte", "DECIMAL(5,3)", logicalTypeOptions={"maximum": 1}),
        column("outcome", enum=[{"value": "upheld"}]),
        rules={"risk is not R1": "risk_id <> 'R1'"},
    )
    good = {"risk_id": "R0", "on_date": "2025-04-01", "fte": "1", "outcome": "upheld"}
    bad = {"risk_id": "R1", "on_date": "31/02/2025", "fte": "1.5", "outcome": "lost"}
    landed = land_rows(contract, tmp_path / "data", [good, bad], BRITISH)
    assert reasons_of(landed) == {
        3: [
            'on_date "31/02/2025" is not a date that exists',
            'fte "1.5" is above 1',
            'outcome "lost" is not an allowed value',
            "breaks the rule: risk is not R1",
        ]
    }
    assert landed.reasons == {
        "breaks the rule: risk is not R1": 1,
        "fte is above 1": 1,
        "on_date is not a date that exists": 1,
        "outcome is not an allowed value": 1,
    }, "counted by kind, without the values"


def test_refused_rows_are_kept_as_they_were_written(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), column("on_date", "date"), column("amount_gbp", "DECIMAL(14,2)"))
    rows = [
        {"ref": "A", "on_date": "2025-04-01", "amount_gbp": "1"},
        {"ref": "B", "on_date": "31/02/2025", "amount_gbp": "£1,234.56"},
    ]
    landed = land_rows(contract, tmp_path / "data", rows)
    aside = rejected_path(landed)
    assert rows_of(aside, "ref, on_date, amount_gbp, _source, _source_row, _original") == [
        ("B", "31/02/2025", "£1,234.56", "somewhere", 3, None)
    ]
    types = {field.name: str(field.type) for field in pq.read_schema(aside)}
    assert types["on_date"] == types["amount_gbp"] == "string"
    assert types["_reasons"] == "list<element: string>"


def test_of_rows_with_the_same_key_the_first_is_kept(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("case_id"), key("stage", 2), column("note"))
    rows = [
        {"case_id": "A", "stage": "1", "note": "first"},
        {"case_id": "A", "stage": "2", "note": "another stage"},
        {"case_id": "A", "stage": "1", "note": "second"},
        {"case_id": "A", "stage": "1", "note": "third"},
    ]
    landed = land_rows(contract, tmp_path / "data", rows)
    assert rows_of(landed.path, "note") == [("first",), ("another stage",)]
    reason = "duplicate key (case_id, stage): the first such row is kept"
    assert reasons_of(landed) == {4: [reason], 5: [reason]}
    assert landed.reasons == {reason: 2}


def test_a_refused_row_does_not_push_out_the_good_one_after_it(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), column("on_date", "date"))
    rows = [{"ref": "A", "on_date": "never"}, {"ref": "A", "on_date": "2025-04-01"}]
    landed = land_rows(contract, tmp_path / "data", rows)
    assert rows_of(landed.path, "ref, on_date") == [("A", date(2025, 4, 1))]
    assert reasons_of(landed) == {2: ['on_date "never" is not a date that exists']}


def test_the_same_key_in_two_quarters_is_no_repetition(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="snapshot")
    extracts = [extract_of(contract, [{"ref": "A"}], quarter) for quarter in (Q1, Q2)]
    assert [(item.rows, item.rejected) for item in land(contract, extracts, tmp_path, [Q1, Q2])] == [(1, 0), (1, 0)]


def test_without_a_key_identical_rows_all_land(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"))
    assert land_rows(contract, tmp_path / "data", [{"ref": "A"}] * 3).rows == 3


def test_a_code_that_the_map_file_does_not_hold_is_named_and_kept(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("unit_code", required=True), column("stage", "integer"))
    rows = [
        {"unit_code": "ASC", "stage": "1"},
        {"unit_code": f"{UNMAPPED}T99", "stage": f"{UNMAPPED}two"},
    ]
    landed = land_rows(contract, tmp_path / "data", rows)
    assert reasons_of(landed) == {
        3: ['unit_code "T99" is not in the map file', 'stage "two" is not in the map file'],
    }
    assert rows_of(rejected_path(landed), "unit_code, stage") == [("T99", "two")], "the mark itself is not kept"


def test_a_record_that_is_no_record_stands_aside_with_its_text(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref", required=True), column("stage", "integer", required=True))
    good = extract_of(contract, [{"ref": "A", "stage": "1"}])
    torn = refused_batch(contract, "file.csv", [(3, "the record has 1 cells where the header has 2", "B")])
    (landed,) = land(contract, [Extract(None, [*good.batches, torn], "file.csv", Format())], tmp_path, [Q1])
    assert (landed.rows, landed.rejected) == (1, 1)
    assert rows_of(rejected_path(landed), "_source, _source_row, _reasons, _original, ref") == [
        ("file.csv", 3, ["the record has 1 cells where the header has 2"], "B", None)
    ], "one reason: that its columns are missing follows from it"


TEXTS = st.one_of(
    st.none(), st.sampled_from(["", "A", "B", "C", "1", "2025-04-01", "31/02/2025", "£1.20", "x'y", 'q"q'])
)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=12))
def test_rows_in_are_rows_landed_and_rows_refused(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str | None, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("table")
    contract = make_contract(
        folder,
        key("ref"),
        column("on_date", "date"),
        column("amount_gbp", "DECIMAL(14,2)"),
        column("kind", required=True),
    )
    names = [item.name for item in contract.columns]
    landed = land_rows(contract, folder / "data", [dict(zip(names, row, strict=True)) for row in table])
    good = {row for (row,) in rows_of(landed.path, "_source_row")} if landed.path else set()
    if landed.error:
        assert landed.path is None
        assert landed.rejected == len(table), "only a table without one good row is refused whole"
        return
    bad = set(reasons_of(landed)) if landed.rejected else set()
    assert (len(good), len(bad)) == (landed.rows, landed.rejected)
    assert good.isdisjoint(bad)
    assert good | bad == set(range(2, 2 + len(table)))
    keys = [table[row - 2][0] for row in good]
    assert len(set(keys)) == len(keys), "no key lands twice"
    assert {text for text, *_ in table if text} >= set(keys)


# Slots


def test_the_same_content_again_adds_nothing(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    data = tmp_path / "data"
    first = land_rows(contract, data, [{"ref": "A"}, {"ref": ""}])
    before = files_in(data)
    again = land_rows(contract, data, [{"ref": "A"}, {"ref": ""}])
    assert not first.unchanged
    assert again.unchanged
    assert (again.path, again.rows, again.rejected, again.error) == (first.path, 1, 1, None)
    assert files_in(data) == before


def test_changed_content_adds_an_extract_and_the_first_stays(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), column("note"))
    data = tmp_path / "data"
    first = land_rows(contract, data, [{"ref": "A", "note": "old"}])
    assert first.path is not None
    bytes_before = first.path.read_bytes()
    second = land_rows(contract, data, [{"ref": "A", "note": "new"}])
    assert second.path is not None and second.path != first.path and not second.unchanged
    assert first.path.read_bytes() == bytes_before
    assert rows_of(second.path, "note") == [("new",)]
    assert sorted([second.path.name, first.path.name]) == [first.path.name, second.path.name], "names sort by time"
    back = land_rows(contract, data, [{"ref": "A", "note": "old"}])
    assert back.path not in (first.path, second.path), "going back is a change too: it must be in force again"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([("A", "x", None)], [("A", None, "x")]),
        ([("A", None, None)], [("A", "", None)]),
        ([("A", "1", "2"), ("B", "1", "2")], [("A", "1", "2"), ("B", "2", "1")]),
        ([("A", "x", "y")], [("A", "xy", None)]),
    ],
    ids=["a value moves to the next column", "null becomes empty", "swapped", "joined"],
)
def test_no_change_is_taken_for_none(
    tmp_path: Path, before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]
) -> None:
    contract = make_contract(tmp_path, column("ref"), column("one"), column("two"))

    def rows(table: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        return [dict(zip(("ref", "one", "two"), row, strict=True)) for row in table]

    data = tmp_path / "data"
    assert not land_rows(contract, data, rows(before)).unchanged
    assert land_rows(contract, data, rows(before)).unchanged
    assert not land_rows(contract, data, rows(after)).unchanged


def test_two_equal_rows_in_two_files_do_not_cancel_out(tmp_path: Path) -> None:
    """Monthly files of one quarter can hold the same line at the same place."""
    contract = make_contract(tmp_path, column("note"), load="snapshot")

    def land_twice(note: str) -> bool:
        batches = [batch for _ in range(2) for batch in extract_of(contract, [{"note": note}]).batches]
        (landed,) = land(contract, [Extract(Q1, batches, "files", Format())], tmp_path / "data", [Q1])
        return landed.unchanged

    assert [land_twice("old"), land_twice("old"), land_twice("new")] == [False, True, False]


def test_the_same_text_read_under_other_spellings_is_another_extract(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"), column("note"))
    rows = [{"ref": "A", "note": "NA"}]
    first = land_rows(contract, tmp_path / "data", rows)
    second = land_rows(contract, tmp_path / "data", rows, Format(nulls=["NA"]))
    assert rows_of(first.path, "note") == [("NA",)]
    assert not second.unchanged
    assert rows_of(second.path, "note") == [(None,)]


def test_a_new_version_of_the_contract_lands_the_same_content_anew(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"))
    land_rows(contract, tmp_path / "data", [{"ref": "A"}])
    landed = land_rows(replace(contract, version="1.1.0"), tmp_path / "data", [{"ref": "A"}])
    assert not landed.unchanged
    assert landed.path is not None
    assert describe(landed.path).contract_version == "1.1.0"


def test_the_hash_in_an_extract_id_follows_from_the_content_alone(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), column("note"))
    rows = [{"ref": f"R{number}", "note": str(number * 7 % 11)} for number in range(500)]
    paths = [land_rows(contract, tmp_path / folder, rows).path for folder in ("one", "two")]
    ids = [path.stem for path in paths if path]
    assert ids[0].split("-")[1] == ids[1].split("-")[1]
    assert ids[0] != ids[1]
    assert [describe(path).source_hash for path in paths if path] == [ids[0].split("-")[1]] * 2
    assert rows_of(paths[0], "ref, note, _source_row") == rows_of(paths[1], "ref, note, _source_row")


def test_rows_land_in_the_sources_order(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    landed = land_rows(contract, tmp_path / "data", [{"ref": f"R{number * 37 % 1000:03}"} for number in range(1000)])
    assert landed.path is not None
    table = pq.read_table(landed.path)
    assert table["_source_row"].to_pylist() == list(range(2, 1002))
    assert table["_row_number"].to_pylist() == sorted(table["_row_number"].to_pylist())


@pytest.mark.parametrize(
    ("load", "quarter", "folder"),
    [("full", None, "period=all"), ("snapshot", Q1, "period=2025-04-01"), ("incremental", Q4, "period=2026-01-01")],
)
def test_each_load_has_its_slots(tmp_path: Path, load: str, quarter: Any, folder: str) -> None:
    contract = make_contract(tmp_path, key("ref"), load=load)
    (landed,) = land(contract, [extract_of(contract, [{"ref": "A"}], quarter)], tmp_path / "data", [Q1])
    assert landed.path is not None
    assert landed.path.parent == tmp_path / "data/raw/made/things" / folder
    assert landed.quarter == quarter
    assert rows_of(landed.path, "_period_start") == [(quarter.start if quarter else None,)]
    assert describe(landed.path).period_start == (quarter.start if quarter else None)


@pytest.fixture
def dated(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        column("ref", required=True),
        column("paid_date", "date", required=True),
        load="snapshot",
        periodColumn="paid_date",
    )


def test_one_file_is_split_by_its_period_column_and_other_quarters_are_left(dated: Contract, tmp_path: Path) -> None:
    days = ["2025-03-31", "2025-04-01", "2025-06-30", "2025-07-01", "2025-09-30", "2025-10-01"]
    rows = [{"ref": f"R{number}", "paid_date": day} for number, day in enumerate(days)]
    landed = land(dated, [extract_of(dated, rows)], tmp_path / "data", [Q1, Q2])
    assert [(item.quarter, item.rows, item.rejected) for item in landed] == [(Q1, 2, 0), (Q2, 2, 0)]
    assert rows_of(landed[0].path, "ref, _period_start") == [("R1", Q1.start), ("R2", Q1.start)]
    assert rows_of(landed[1].path, "ref, _period_start") == [("R3", Q2.start), ("R4", Q2.start)]
    later = land(dated, [extract_of(dated, rows)], tmp_path / "data", [Q1, Q2, Q3])
    assert [(item.unchanged, item.rows) for item in later] == [(True, 2), (True, 2), (False, 1)]


def test_a_row_whose_period_cannot_be_read_is_refused_with_the_last_quarter(dated: Contract, tmp_path: Path) -> None:
    rows = [
        {"ref": "A", "paid_date": "2025-04-01"},
        {"ref": "B", "paid_date": "31/02/2025"},
        {"ref": "C", "paid_date": "2025-07-01"},
    ]
    landed = land(dated, [extract_of(dated, rows)], tmp_path / "data", [Q1, Q2])
    assert [(item.rows, item.rejected) for item in landed] == [(1, 0), (1, 1)]
    assert reasons_of(landed[1]) == {3: ['paid_date "31/02/2025" is not a date that exists']}


def test_a_snapshot_of_several_quarters_needs_a_period_column(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"), load="snapshot")
    with pytest.raises(
        SourceError, match=r"^made\.things: one file holds several quarters, but the contract names no pe"
    ):
        land(contract, [extract_of(contract, [{"ref": "A"}])], tmp_path / "data", [Q1])
    assert files_in(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("load", "quarter", "said"),
    [
        ("full", Q1, r"^made\.things is kept whole .*Take the period out of datasets\.things"),
        ("incremental", None, r"^made\.things takes what was updated .*Name the period in datasets\.things"),
    ],
)
def test_a_source_is_asked_as_its_kind_of_load_wants(tmp_path: Path, load: str, quarter: Any, said: str) -> None:
    contract = make_contract(tmp_path, key("ref"), load=load)
    with pytest.raises(SourceError, match=said):
        land(contract, [extract_of(contract, [{"ref": "A"}], quarter)], tmp_path / "data", [Q1])
    assert files_in(tmp_path / "data") == []


# Extracts that must not land


def test_an_empty_extract_lands_nothing_and_the_former_stays(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    data = tmp_path / "data"
    former = land_rows(contract, data, [{"ref": "A"}])
    before = files_in(data)
    landed = land_rows(contract, data, [])
    assert landed.error == "The source gave no rows. Nothing landed; ask the owner whether that can be."
    assert (landed.path, landed.rows, landed.unchanged) == (former.path, 1, False)
    assert files_in(data) == before


def test_an_incremental_quarter_may_be_empty(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="incremental")
    (landed,) = land(contract, [extract_of(contract, [], Q1)], tmp_path / "data", [Q1])
    assert (landed.error, landed.rows) == (None, 0)
    assert landed.path is not None
    assert pq.read_metadata(landed.path).num_rows == 0
    assert [item.rows for item in extracts_in_force(contract, tmp_path / "data")] == [0]


def test_a_dataset_that_shrank_by_half_does_not_land(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    data = tmp_path / "data"
    rows = [{"ref": f"R{number}"} for number in range(100)]
    former = land_rows(contract, data, rows)
    before = files_in(data)
    landed = land_rows(contract, data, rows[:50])
    assert landed.error == (
        "50 rows where 100 had landed before: it shrank by 50%, the contract allows 30%. "
        "Nothing landed; ask the owner, or raise maximumShrink."
    )
    assert (landed.path, landed.rows) == (former.path, 100)
    assert files_in(data) == before
    assert land_rows(contract, data, rows[:70]).error is None, "30 % less is what the contract allows"


def test_a_snapshot_is_compared_with_its_own_quarter_only(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="snapshot")
    rows = [{"ref": f"R{number}"} for number in range(10)]
    extracts = [extract_of(contract, rows, Q1), extract_of(contract, rows[:2], Q2)]
    assert [item.error for item in land(contract, extracts, tmp_path, [Q1, Q2])] == [None, None]
    (landed,) = land(contract, [extract_of(contract, rows[:2], Q1)], tmp_path, [Q1])
    assert landed.error is not None and "it shrank by 80%" in landed.error


def test_an_incremental_quarter_may_shrink(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="incremental")
    for count in (10, 1):
        rows = [{"ref": f"R{number}"} for number in range(count)]
        (landed,) = land(contract, [extract_of(contract, rows, Q1)], tmp_path / "data", [Q1])
        assert (landed.error, landed.rows) == (None, count)


def test_too_many_refused_rows_stop_the_extract(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("stage", "integer"), column("on_date", "date"), maximumRejectedShare=0.1)
    good = [{"stage": "1", "on_date": "2025-04-01"}] * 9
    data = tmp_path / "data"
    assert land_rows(contract, data, [*good, {"stage": "x"}]).error is None, "one in ten is what the contract allows"
    before = files_in(data)
    landed = land_rows(contract, data, [*good, {"stage": "x", "on_date": "y"}, {"stage": "z"}])
    assert landed.error == (
        "2 of 11 rows are refused (18.2%, the contract allows 10.0%). Nothing landed. "
        "2 × stage is not a whole number; 1 × on_date is not a date that exists."
    )
    assert (landed.rows, landed.rejected) == (9, 2), "the former extract's rows, this attempt's refusals"
    assert files_in(data) == before


@pytest.mark.parametrize(("count", "lands"), [(4, False), (5, True), (8, True), (9, False)])
def test_a_count_out_of_the_agreed_bounds_does_not_land(tmp_path: Path, count: int, lands: bool) -> None:
    contract = make_contract(tmp_path, key("ref"), rowsPerQuarter=[5, 8])
    landed = land_rows(contract, tmp_path / "data", [{"ref": f"R{number}"} for number in range(count)])
    assert landed.error == (None if lands else f"{count} rows, where 5 to 8 are expected. Nothing landed.")
    assert (landed.path is not None) == lands


def breaking_off(contract: Contract, error: Exception) -> Iterator[pa.RecordBatch]:
    yield from extract_of(contract, [{"ref": "half"}]).batches
    raise error


@pytest.mark.parametrize("kind", [SourceError, ConfigurationError])
def test_one_quarter_that_breaks_off_leaves_the_others_landing(tmp_path: Path, kind: type[Exception]) -> None:
    contract = make_contract(tmp_path, key("ref"), load="snapshot")
    extracts = [
        extract_of(contract, [{"ref": "A"}], Q1),
        Extract(Q2, breaking_off(contract, kind("the line went dead. Ask the owner.")), "somewhere", Format()),
        extract_of(contract, [{"ref": "C"}], Q3),
    ]
    landed = land(contract, extracts, tmp_path, [Q1, Q2, Q3])
    assert [item.error for item in landed] == [None, "the line went dead. Ask the owner.", None]
    assert [(item.quarter, item.rows) for item in landed] == [(Q1, 1), (Q2, 0), (Q3, 1)]
    assert landed[1].path is None
    assert [rows_of(item.path, "ref") for item in landed if item.path] == [[("A",)], [("C",)]]
    assert [item.period_start for item in extracts_in_force(contract, tmp_path)] == [Q1.start, Q3.start]


# What a landed file tells


def test_lineage_stands_in_every_row(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="snapshot")
    before = datetime.now(UTC)
    extracts = [
        extract_of(contract, [{"ref": "A"}, {"ref": "B"}], Q1, origin="a.csv", first_row=8),
        extract_of(contract, [{"ref": "C"}], Q2, origin="b.csv"),
    ]
    landed = land(contract, extracts, tmp_path, [Q1, Q2])
    after = datetime.now(UTC)
    found = []
    for item in landed:
        assert item.path is not None
        columns = "ref, _extract_id, _extracted_at, _period_start, _row_number, _source, _source_row"
        for ref, extract_id, moment, period, number, source, row in rows_of(item.path, columns):
            assert extract_id == item.path.stem
            assert before <= moment <= after
            assert describe(item.path).extracted_at == moment
            found.append((ref, period, number, source, row))
    assert found == [
        ("A", Q1.start, 1, "a.csv", 8),
        ("B", Q1.start, 2, "a.csv", 9),
        ("C", Q2.start, 3, "b.csv", 2),
    ]


def test_columns_and_types_are_the_contracts(tmp_path: Path) -> None:
    contract = make_contract(
        tmp_path,
        key("ref"),
        column("stage", "integer"),
        column("amount_gbp", "DECIMAL(14,2)"),
        column("on_date", "date"),
        column("updated_at", "timestamp"),
        column("is_disputed", "boolean"),
    )
    landed = land_rows(contract, tmp_path / "data", [{"ref": "A"}])
    with duckdb.connect() as con:
        landed_types = con.sql(
            f"describe select * from read_parquet('{landed.path}', hive_partitioning = false)"
        ).fetchall()
        zero_types = con.sql(f"describe {contract.zero_rows()}").fetchall()
    assert [row[:2] for row in landed_types] == [row[:2] for row in zero_types], "a council without it reads the same"


def test_a_landed_file_says_where_it_came_from(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="snapshot")
    extract = extract_of(contract, [{"ref": "it's"}, {"ref": None}], Q1, origin="https://crm.example/api?from='x'")
    extract.notes.append("a note")
    (landed,) = land(contract, [extract], tmp_path, [Q1])
    assert landed.path is not None
    assert landed.notes == ("a note",)
    told = describe(landed.path)
    assert (told.system, told.dataset, told.extract_id) == ("made", "things", landed.path.stem)
    assert (told.origin, told.period_start) == ("https://crm.example/api?from='x'", Q1.start)
    assert (told.rows, told.rejected, told.reasons) == (1, 1, {"ref is missing": 1})
    assert (told.contract_version, told.path) == ("1.0.0", landed.path)
    assert json.loads(pq.read_metadata(landed.path).metadata[b"council_vitals"])["notes"] == ["a note"]
    assert pq.read_metadata(rejected_path(landed)).metadata[b"council_vitals"], "the refused rows' file says the same"


def test_nothing_unfinished_is_left_behind(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    data = tmp_path / "data"
    landed = land_rows(contract, data, [{"ref": "A"}, {"ref": None}])
    assert landed.path is not None
    assert files_in(data) == [
        f"raw/made/things/period=all/{landed.path.name}",
        f"rejected/made/things/period=all/{landed.path.name}",
    ]
    assert sorted(path.name for path in data.iterdir()) == ["raw", "rejected"], "the folder of work is gone too"


def test_a_file_half_written_by_a_killed_run_is_not_seen(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    data = tmp_path / "data"
    landed = land_rows(contract, data, [{"ref": "A"}])
    assert landed.path is not None
    (landed.path.parent / ".20990101T000000000000Z-0123456789abcdef.parquet.4711").write_bytes(b"PAR1half")
    assert [item.path for item in extracts_in_force(contract, data)] == [landed.path]
    assert land_rows(contract, data, [{"ref": "A"}]).unchanged


# Which extract counts


def test_the_newest_extract_of_each_slot_is_in_force(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"), load="snapshot")
    for note in ("old", "new"):
        extracts = [extract_of(contract, [{"ref": note}], quarter) for quarter in (Q2, Q1)]
        newest = land(contract, extracts, tmp_path, [Q1, Q2])
    found = extracts_in_force(contract, tmp_path)
    assert [item.period_start for item in found] == [Q1.start, Q2.start], "in order of period"
    assert {item.path for item in found} == {item.path for item in newest}
    assert [rows_of(item.path, "ref") for item in found] == [[("new",)]] * 2


def test_as_of_a_moment_the_older_extract_counts(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"))
    paths = [land_rows(contract, tmp_path / "data", [{"ref": ref}]).path for ref in ("one", "two", "three")]
    moments = [describe(path).extracted_at for path in paths if path]
    assert moments == sorted(moments)

    def in_force(as_of: datetime) -> list[Path]:
        return [item.path for item in extracts_in_force(contract, tmp_path / "data", as_of)]

    assert [in_force(moment) for moment in moments] == [[path] for path in paths], "at its own moment it counts"
    assert in_force(moments[2] - timedelta(microseconds=1)) == [paths[1]]
    assert in_force(moments[0] - timedelta(microseconds=1)) == []
    assert extracts_in_force(contract, tmp_path / "nothing here") == []


# What is accepted all the same


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (2, "2 rows where 8 had landed before: it shrank by 75%, the contract allows 30%."),
        (20, "20 rows, where 5 to 12 are expected."),
        (0, "The source gave no rows."),
    ],
)
def test_an_unusual_volume_lands_where_somebody_accepts_it_and_says_why(tmp_path: Path, rows: int, why: str) -> None:
    contract = make_contract(tmp_path, key("ref"), rowsPerQuarter=[5, 12])
    data = tmp_path / "data"
    land_rows(contract, data, [{"ref": f"R{number}"} for number in range(8)])
    extract = extract_of(contract, [{"ref": f"R{number}"} for number in range(rows)])
    assert land(contract, [extract], data, [Q1])[0].error is not None
    reason = "R. Reid, finance: two directorates have left the ledger"
    (landed,) = land(contract, [extract], data, [Q1], accept_volume=reason)
    assert (landed.error, landed.rows, landed.notes) == (None, rows, (f"{why} Accepted: {reason}",))
    assert landed.path is not None
    told = describe(landed.path)
    assert told.accepted == reason
    assert json.loads(pq.read_metadata(landed.path).metadata[b"council_vitals"])["notes"] == list(landed.notes)
    assert land(contract, [extract], data, [Q1])[0].unchanged, "the same again needs nobody"


def test_many_refusals_can_be_accepted_and_stay_refused(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("stage", "integer"), maximumRejectedShare=0.1)
    extract = extract_of(contract, [{"stage": "1"}, {"stage": "x"}])
    (landed,) = land(contract, [extract], tmp_path / "data", [Q1], accept_volume="R. Reid: known")
    assert (landed.error, landed.rows, landed.rejected) == (None, 1, 1)
    assert landed.notes == ("1 of 2 rows are refused (50.0%, the contract allows 10.0%). Accepted: R. Reid: known",)


def test_what_is_usual_needs_no_acceptance_and_records_none(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"))
    extract = extract_of(contract, [{"ref": "A"}])
    (landed,) = land(contract, [extract], tmp_path / "data", [Q1], accept_volume="just in case")
    assert landed.path is not None
    assert (landed.notes, describe(landed.path).accepted) == ((), None)


def test_a_source_that_breaks_off_cannot_be_accepted(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, column("ref"))
    extract = Extract(None, breaking_off(contract, SourceError("torn")), "somewhere", Format())
    (landed,) = land(contract, [extract], tmp_path / "data", [Q1], accept_volume="go on")
    assert (landed.error, landed.path) == ("torn", None)


# Columns that become another


def retyped(tmp_path: Path, item: dict[str, Any], values: list[str], form: Format | None = None) -> str:
    contract = make_contract(tmp_path, column("place"), item, maximumRejectedShare=0.1)
    rows = [{"place": "here", item["name"]: value} for value in values]
    error = land_rows(contract, tmp_path / "data", rows, form).error
    assert error is not None
    first, _, rest = error.partition(" Nothing landed. ")
    assert "rows are refused" in first
    return rest.partition(". ")[2]


def test_a_column_that_is_no_longer_of_its_type_is_named(tmp_path: Path) -> None:
    values = ["LOW 1", "HIGH 22", "LOW 3", "LOW 4", "12.50"]
    assert retyped(tmp_path, column("amount_gbp", "DECIMAL(14,2)"), values) == (
        "amount_gbp was a number and is no longer: most values have the shape 'aaa 9'."
    )


@pytest.mark.parametrize(
    ("kind", "values", "spelling"),
    [
        ("date", ["31/12/2025", "01/02/2025", "2025-01-01"], "dd/mm/yyyy"),
        ("date", ["12/31/2025", "01/02/2025", "2025-01-01"], "mm/dd/yyyy"),
        ("timestamp", ["31.12.2025 09:00", "01.02.2025 10:00", "2025-01-01"], "dd.mm.yyyy"),
        ("date", ["45000", "45001", "45002"], "excel-serial"),
    ],
)
def test_dates_in_another_spelling_are_recognised(tmp_path: Path, kind: str, values: list[str], spelling: str) -> None:
    assert retyped(tmp_path, column("on_date", kind), values).endswith(
        f" and is no longer: it is written {spelling}. Set `format.dates` in the source's YAML."
    )


def test_personal_values_are_not_hinted_at(tmp_path: Path) -> None:
    item = column("born", "date", classification="personal")
    assert retyped(tmp_path, item, ["in May", "in June"]) == "born was a date and is no longer."


def test_a_column_of_which_only_some_values_cannot_be_read_is_still_of_its_type(tmp_path: Path) -> None:
    assert retyped(tmp_path, column("stage", "integer"), ["1", "2", "3", "x", "y"]) == ""


# Corrected resubmissions


@pytest.mark.parametrize("load", ["full", "snapshot", "incremental"])
def test_a_corrected_resubmission_clears_the_refusals(tmp_path: Path, load: str) -> None:
    contract = make_contract(tmp_path, key("ref"), column("stage", "integer"), column("on_date", "date"), load=load)
    quarter = None if load == "full" else Q1
    data = tmp_path / "data"
    bad = [{"ref": "A", "stage": "1"}, {"ref": "B", "stage": "x", "on_date": "?"}, {"ref": "C", "stage": "y"}]
    (landed,) = land(contract, [extract_of(contract, bad, quarter)], data, [Q1])
    counts = {"stage is not a whole number": 2, "on_date is not a date that exists": 1}
    assert (landed.rows, landed.rejected, landed.reasons) == (1, 2, counts)
    (told,) = extracts_in_force(contract, data)
    assert (told.rejected, told.reasons) == (2, counts)
    good = [bad[0], {"ref": "B", "stage": "2", "on_date": "2025-04-01"}, {"ref": "C", "stage": "3"}]
    (landed,) = land(contract, [extract_of(contract, good, quarter)], data, [Q1])
    assert (landed.rows, landed.rejected, landed.reasons) == (3, 0, {})
    (told,) = extracts_in_force(contract, data)
    assert (told.rejected, told.reasons) == (0, {})
    assert not rejected_path(landed).exists()
