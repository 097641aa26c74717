"""Increments: a quarter asked for what has changed is merged with what is in force, and a closed one is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import (
    Q1,
    Q2,
    column,
    extract_of,
    files_in,
    key,
    make_contract,
    reasons_of,
    rejected_path,
    rows_of,
)

from sources.contract import Contract
from sources.landing import Landed, describe, extracts_in_force, kept, land, still_open
from sources.store import carried

MAY = datetime(2025, 5, 20)


def increment(folder: Path, **more: Any) -> Contract:
    settings: dict[str, Any] = {"load": "incremental", "highWaterMark": "updated_at"} | more
    return make_contract(
        folder,
        key("ref"),
        column("amount_gbp", "DECIMAL(14,2)"),
        column("updated_at", "timestamp", required=True),
        **settings,
    )


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return increment(tmp_path)


def row(ref: str | None, amount: str | None, day: str | None) -> dict[str, str | None]:
    return {"ref": ref, "amount_gbp": amount, "updated_at": day}


def put(
    contract: Contract, data: Path, rows: list[dict[str, str | None]], since: datetime | None = None, **more: Any
) -> Landed:
    extract = replace(extract_of(contract, rows, Q1, **more), since=since)
    (landed,) = land(contract, [extract], data, [Q1])
    return landed


def content(path: Path | None) -> list[tuple[Any, ...]]:
    return rows_of(path, "ref, amount_gbp::varchar, updated_at::date", "ref")


FIRST = [row("A", "1", "2025-04-10"), row("B", "2", "2025-05-01"), row("C", "3", "2025-05-24 09:30:00")]


def test_new_rows_take_the_place_of_those_with_the_same_key(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = put(contract, data, FIRST, origin="first", first_row=2)
    second = put(
        contract, data, [row("C", "33", "2025-05-28"), row("D", "4", "2025-05-29")], MAY, origin="second", first_row=2
    )
    assert (second.error, second.rows, second.rejected, second.unchanged) == (None, 4, 0, False)
    assert content(second.path) == [
        ("A", "1.00", date(2025, 4, 10)),
        ("B", "2.00", date(2025, 5, 1)),
        ("C", "33.00", date(2025, 5, 28)),
        ("D", "4.00", date(2025, 5, 29)),
    ]
    assert content(first.path)[2] == ("C", "3.00", date(2025, 5, 24)), "the file before stays as it was"
    assert [item.path for item in extracts_in_force(contract, data)] == [second.path]


def test_carried_rows_keep_where_they_came_from(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = put(contract, data, FIRST, origin="first")
    second = put(contract, data, [row("C", "33", "2025-05-28")], MAY, origin="second", first_row=9)
    third = put(contract, data, [row("B", "22", "2025-06-02")], MAY, origin="third", first_row=5)
    ids = [item.path.stem for item in (first, second, third) if item.path]
    found = rows_of(third.path, "ref, _extract_id, _source, _source_row, _row_number, _period_start", "ref")
    assert found == [
        ("A", ids[0], "first", 2, 1, Q1.start),
        ("B", ids[2], "third", 5, 1, Q1.start),
        ("C", ids[1], "second", 9, 1, Q1.start),
    ]
    assert third.path is not None
    told = describe(third.path)
    assert told.carries == tuple(ids[:2])
    assert [(item.extract_id, item.path.exists()) for item in carried(told)] == [(ids[0], True), (ids[1], True)]
    with duckdb.connect() as con:
        pairs = con.execute(
            "select count(*), count(distinct (_extract_id, _row_number)) from read_parquet(?)", [str(third.path)]
        ).fetchone()
    assert pairs == (3, 3), "extract and row number name a row, whatever came with what"


def test_nothing_new_is_unchanged(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = put(contract, data, [*FIRST, row("X", "what", "2025-05-23")])
    before = files_in(data)
    for rows in ([], [FIRST[2]], [row("X", "what", "2025-05-23"), FIRST[2]]):
        again = put(contract, data, rows, MAY, first_row=40)
        assert (again.error, again.unchanged, again.path) == (None, True, first.path)
        assert (again.rows, again.rejected, again.reasons) == (3, 1, {"amount_gbp is not a number": 1})
    assert files_in(data) == before


@pytest.mark.parametrize(
    "rows",
    [
        [row("C", "3.01", "2025-05-24 09:30:00")],
        [row("C", None, "2025-05-24 09:30:00")],
        [row("C", "3", "2025-05-24 09:30:01")],
        [row("D", "3", "2025-05-24 09:30:00")],
        [row("C", "x", "2025-05-24 09:30:00")],
    ],
    ids=["another amount", "no amount", "a second later", "another key", "now refused"],
)
def test_any_difference_is_a_change(contract: Contract, tmp_path: Path, rows: list[dict[str, str | None]]) -> None:
    put(contract, tmp_path / "data", FIRST)
    assert not put(contract, tmp_path / "data", rows, MAY).unchanged


def test_the_mark_is_the_newest_moment_of_all_good_rows(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = put(contract, data, [*FIRST, row("X", "what", "2025-06-30")])
    second = put(contract, data, [row("C", "33", "2025-05-23")], MAY)
    third = put(contract, data, [row("D", "4", "2025-06-01 12:00:00")], MAY)
    marks = [describe(item.path).mark for item in (first, second, third) if item.path]
    assert marks == [datetime(2025, 5, 24, 9, 30), datetime(2025, 5, 24, 9, 30), datetime(2025, 6, 1, 12)]


def test_a_mark_may_be_a_day(tmp_path: Path) -> None:
    contract = make_contract(
        tmp_path, key("ref"), column("changed", "date"), load="incremental", highWaterMark="changed"
    )
    extract = extract_of(contract, [{"ref": "A", "changed": "2025-05-24"}, {"ref": "B", "changed": None}], Q1)
    (landed,) = land(contract, [extract], tmp_path / "data", [Q1])
    assert landed.path is not None
    assert describe(landed.path).mark == datetime(2025, 5, 24)
    changes = replace(extract_of(contract, [{"ref": "B", "changed": "x"}], Q1), since=MAY)
    (again,) = land(contract, [changes], tmp_path / "data", [Q1])
    assert (again.rows, again.rejected) == (1, 1)


# Refusals


def test_a_corrected_row_clears_its_refusal(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    put(contract, data, [*FIRST, row("X", "what", "2025-05-23"), row("Y", "?", "2025-04-02")])
    landed = put(contract, data, [row("X", "7", "2025-05-30")], MAY, first_row=2)
    assert (landed.rows, landed.rejected, landed.reasons) == (4, 1, {"amount_gbp is not a number": 1})
    assert rows_of(rejected_path(landed), "ref") == [("Y",)], "what was not given anew is still refused"
    assert ("X", "7.00", date(2025, 5, 30)) in content(landed.path)


def test_a_row_that_has_gone_bad_is_good_no_longer(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    put(contract, data, FIRST)
    landed = put(contract, data, [row("C", "lots", "2025-05-30")], MAY)
    assert [ref for ref, *_ in content(landed.path)] == ["A", "B"], "as if the quarter had been asked for whole"
    assert rows_of(rejected_path(landed), "ref, amount_gbp") == [("C", "lots")]


def test_carried_refusals_keep_their_text_reasons_and_origin(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = put(contract, data, [row("X", " £x ", "2025-04-02")], origin="first", first_row=7)
    landed = put(contract, data, [row("Z", "y", "2025-05-30")], MAY, origin="second", first_row=7)
    assert first.path and landed.path
    assert rows_of(rejected_path(landed), "ref, amount_gbp, _reasons, _source, _source_row, _extract_id", "ref") == [
        ("X", "£x", ['amount_gbp "£x" is not a number'], "first", 7, first.path.stem),
        ("Z", "y", ['amount_gbp "y" is not a number'], "second", 7, landed.path.stem),
    ]


def test_a_refusal_without_a_key_goes_when_its_row_would_have_come_again(contract: Contract, tmp_path: Path) -> None:
    data = tmp_path / "data"
    nobody = [row(None, "1", "2025-04-02"), row(None, "1", "2025-05-22"), row(None, "1", "never"), row(None, "1", "no")]
    put(contract, data, [*FIRST, *nobody], first_row=2)
    landed = put(contract, data, [row(f"R{number}", "1", "2025-05-30") for number in range(6)], MAY, first_row=2)
    assert landed.rows == 9
    left = [reasons for _, reasons in sorted(reasons_of(landed).items())]
    assert left == [["ref is missing"], ["ref is missing", 'updated_at "no" is not a moment']], (
        "one was updated before the moment asked for, of one nobody knows when and its number has not come again"
    )


def test_a_repeated_key_is_refused_and_the_refusal_goes_when_it_no_longer_is(
    contract: Contract, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    twice = [row("C", "3", "2025-05-24"), row("C", "4", "2025-05-24")]
    first = put(contract, data, [FIRST[0], *twice])
    assert (first.rows, first.rejected) == (2, 1)
    assert put(contract, data, twice, MAY).unchanged
    landed = put(contract, data, twice[:1], MAY)
    assert (landed.unchanged, landed.rows, landed.rejected) == (False, 2, 0)


# What is asked for


def test_every_quarter_is_asked_for_whole_until_it_has_landed(contract: Contract, tmp_path: Path) -> None:
    assert still_open(contract, tmp_path, [Q1, Q2]) == ([Q1, Q2], {})


def test_a_quarter_read_long_after_its_end_is_closed(contract: Contract, tmp_path: Path) -> None:
    landed = put(contract, tmp_path, FIRST)  # of 2025, read today
    assert still_open(contract, tmp_path, [Q1, Q2]) == ([Q2], {})
    assert [(item.quarter, item.unchanged, item.path, item.rows) for item in kept(contract, tmp_path, [Q1, Q2])] == [
        (Q1, True, landed.path, 3)
    ]


def read_at(landed: Landed, moment: datetime) -> None:
    """As if the extract had been read at `moment`: its name says when."""
    assert landed.path is not None
    landed.path.rename(landed.path.with_name(f"{moment:%Y%m%dT%H%M%S%fZ}-{landed.path.stem.split('-')[1]}.parquet"))


@pytest.mark.parametrize(
    ("at", "asked", "since"),
    [
        (datetime(2025, 5, 25, tzinfo=UTC), [Q1], {Q1: datetime(2025, 5, 17, 9, 30)}),
        (datetime(2025, 7, 7, 23, tzinfo=UTC), [Q1], {Q1: datetime(2025, 5, 17, 9, 30)}),
        (datetime(2025, 7, 8, tzinfo=UTC), [], {}),
        (datetime(2025, 5, 20, tzinfo=UTC), [Q1], {Q1: datetime(2025, 5, 13)}),
    ],
    ids=["within the quarter", "within the overlap", "after both", "a mark ahead of its time"],
)
def test_an_open_quarter_is_asked_for_from_its_mark_less_the_overlap(
    contract: Contract, tmp_path: Path, at: datetime, asked: list[Any], since: dict[Any, Any]
) -> None:
    read_at(put(contract, tmp_path, FIRST), at)
    assert still_open(contract, tmp_path, [Q1]) == (asked, since)


def test_the_contract_says_how_far_back_to_ask(tmp_path: Path) -> None:
    contract = increment(tmp_path, overlapDays=0)
    read_at(put(contract, tmp_path / "data", FIRST), datetime(2025, 5, 25, tzinfo=UTC))
    assert still_open(contract, tmp_path / "data", [Q1])[1] == {Q1: datetime(2025, 5, 24, 9, 30)}


def test_early_in_a_quarter_all_of_it_is_asked_for(contract: Contract, tmp_path: Path) -> None:
    read_at(put(contract, tmp_path, [row("A", "1", "2025-04-05")]), datetime(2025, 4, 6, tzinfo=UTC))
    assert still_open(contract, tmp_path, [Q1]) == ([Q1], {})


def test_an_empty_quarter_and_one_of_another_version_are_asked_for_whole(contract: Contract, tmp_path: Path) -> None:
    read_at(put(contract, tmp_path, []), datetime(2025, 5, 25, tzinfo=UTC))
    assert still_open(contract, tmp_path, [Q1]) == ([Q1], {})
    put(contract, tmp_path, FIRST)
    assert still_open(replace(contract, version="2.0.0"), tmp_path, [Q1]) == ([Q1], {})


def test_what_was_read_in_another_way_is_asked_for_whole_and_once(contract: Contract, tmp_path: Path) -> None:
    put(contract, tmp_path, FIRST)
    assert still_open(contract, tmp_path, [Q1], "another way") == ([Q1], {})
    (landed,) = land(contract, [replace(extract_of(contract, FIRST, Q1), reading="another way")], tmp_path, [Q1])
    assert not landed.unchanged
    assert still_open(contract, tmp_path, [Q1], "another way") == ([], {})


def test_without_a_high_water_mark_everything_is_asked_for(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("ref"), load="incremental")
    extract = extract_of(contract, [{"ref": "A"}], Q1)
    land(contract, [extract], tmp_path / "data", [Q1])
    assert still_open(contract, tmp_path / "data", [Q1, Q2]) == ([Q1, Q2], {})


def test_changes_alone_do_not_land_where_nothing_is_in_force(contract: Contract, tmp_path: Path) -> None:
    landed = put(contract, tmp_path / "data", FIRST, MAY)
    assert landed.error == (
        "Asked for what changed since 2025-05-20 00:00:00, but nothing has landed that it could be added to."
    )
    assert extracts_in_force(contract, tmp_path / "data") == []


def test_the_volume_of_the_whole_is_judged(tmp_path: Path) -> None:
    contract = increment(tmp_path, rowsPerQuarter=[3, 4], maximumRejectedShare=0.25)
    data = tmp_path / "data"
    put(contract, data, FIRST)
    assert put(contract, data, [row("D", "1", "2025-05-30")], MAY).error is None, "one row, but four in all"
    landed = put(contract, data, [row("E", "1", "2025-05-30")], MAY)
    assert landed.error == "5 rows, where 3 to 4 are expected. Nothing landed."
    landed = put(contract, data, [row("D", "x", "2025-05-30"), row("C", "x", "2025-05-30")], MAY)
    assert landed.error is not None and landed.error.startswith("2 of 4 rows are refused (50.0%")


REFS = st.sampled_from(["A", "B", "C", "D"])
AMOUNTS = st.sampled_from(["1", "2", "x"])


@given(
    held=st.dictionaries(REFS, st.tuples(AMOUNTS, st.integers(1, 20))),
    changes=st.dictionaries(REFS, AMOUNTS, max_size=3),
)
def test_adding_changes_gives_what_asking_for_the_whole_would_give(
    tmp_path_factory: pytest.TempPathFactory, held: dict[str, tuple[str, int]], changes: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("increment")
    contract = increment(folder)
    before = [row(ref, amount, f"2025-04-{day:02}") for ref, (amount, day) in held.items()]
    changed = [row(ref, amount, "2025-05-21") for ref, amount in changes.items()]
    put(contract, folder / "added", before)
    added = put(contract, folder / "added", changed, MAY)
    whole = put(contract, folder / "whole", [item for item in before if item["ref"] not in changes] + changed)
    assert (added.error, added.rows, added.rejected, added.reasons) == (None, whole.rows, whole.rejected, whole.reasons)
    assert content(added.path) == content(whole.path)
    if whole.rejected:
        columns = "ref, amount_gbp, _reasons"
        assert rows_of(rejected_path(added), columns, "ref") == rows_of(rejected_path(whole), columns, "ref")
    assert added.unchanged == (not changes)


def test_moments_in_force_do_not_depend_on_the_clock_of_the_machine(contract: Contract, tmp_path: Path) -> None:
    landed = put(contract, tmp_path, FIRST)
    assert landed.path is not None
    assert abs(describe(landed.path).extracted_at - datetime.now(UTC)) < timedelta(hours=1)
