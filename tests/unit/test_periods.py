"""The financial calendar: quarters, working days and the tables of periods and days that models join to."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.periods import (
    Quarter,
    add_working_days,
    day_rows,
    is_working_day,
    month_label,
    period_rows,
)

DAYS = st.dates(date(1999, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("code", "quarter"),
    [
        ("2025-26-Q1", Quarter(2025, 1)),
        ("2025-26-q4", Quarter(2025, 4)),
        (" 2026-27-Q2\n", Quarter(2026, 2)),
        ("1999-00-Q3", Quarter(1999, 3)),
        ("2099-00-Q1", Quarter(2099, 1)),
    ],
)
def test_a_code_is_read(code: str, quarter: Quarter) -> None:
    assert Quarter.parse(code) == quarter


@pytest.mark.parametrize(
    "code", ["", "2025", "2025-26", "2025-26-Q5", "2025-26-Q0", "2025/26-Q1", "25-26-Q1", "Q1 2025/26"]
)
def test_a_code_of_another_form_is_refused_with_the_form_that_is_meant(code: str) -> None:
    with pytest.raises(ValueError) as error:
        Quarter.parse(code)
    assert str(error.value) == f"'{code}' is not a period. Periods are written 2025-26-Q3."


def test_years_that_do_not_follow_are_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError) as error:
        Quarter.parse("2025-27-Q3")
    assert str(error.value) == (
        "'2025-27-Q3' is not a financial year: 2025 is followed by 26. Did you mean '2025-26-Q3'?"
    )


def test_the_turn_of_a_century_is_written_with_two_noughts() -> None:
    assert Quarter(2099, 1).code == "2099-00-Q1"
    with pytest.raises(ValueError, match=r"2099 is followed by 00\. Did you mean '2099-00-Q1'"):
        Quarter.parse("2099-10-Q1")


@pytest.mark.parametrize(
    ("quarter", "start", "end", "label"),
    [
        (Quarter(2025, 1), date(2025, 4, 1), date(2025, 6, 30), "Q1 2025/26 (Apr–Jun 2025)"),
        (Quarter(2025, 2), date(2025, 7, 1), date(2025, 9, 30), "Q2 2025/26 (Jul–Sep 2025)"),
        (Quarter(2025, 3), date(2025, 10, 1), date(2025, 12, 31), "Q3 2025/26 (Oct–Dec 2025)"),
        (Quarter(2025, 4), date(2026, 1, 1), date(2026, 3, 31), "Q4 2025/26 (Jan–Mar 2026)"),
    ],
)
def test_bounds_and_label(quarter: Quarter, start: date, end: date, label: str) -> None:
    assert (quarter.start, quarter.end, quarter.label) == (start, end, label)
    assert quarter.financial_year == "2025-26"
    assert str(quarter) == quarter.code == f"2025-26-Q{quarter.number}"


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2026, 3, 31), "2025-26-Q4"),
        (date(2026, 4, 1), "2026-27-Q1"),
        (date(2026, 6, 30), "2026-27-Q1"),
        (date(2026, 7, 1), "2026-27-Q2"),
        (date(2026, 12, 31), "2026-27-Q3"),
        (date(2027, 1, 1), "2026-27-Q4"),
        (date(2024, 2, 29), "2023-24-Q4"),
    ],
)
def test_the_quarter_of_a_day(day: date, code: str) -> None:
    assert Quarter.containing(day).code == code


def test_a_leap_year_has_91_days_in_its_fourth_quarter() -> None:
    def days(quarter: Quarter) -> int:
        return (quarter.end - quarter.start).days + 1

    assert days(Quarter(2023, 4)) == 91
    assert days(Quarter(2024, 4)) == 90
    assert days(Quarter(1999, 4)) == 91, "2000 was a leap year"


@given(DAYS)
def test_every_day_lies_within_its_quarter_and_codes_read_back(day: date) -> None:
    quarter = Quarter.containing(day)
    assert quarter.start <= day <= quarter.end
    assert Quarter.parse(quarter.code) == quarter
    assert quarter.next.previous == quarter
    assert quarter.end + timedelta(days=1) == quarter.next.start
    assert [month.day for month in quarter.months] == [1, 1, 1]
    assert quarter.months[0] == quarter.start


@given(DAYS, DAYS)
def test_quarters_are_ordered_as_their_days_are(one: date, other: date) -> None:
    first, second = Quarter.containing(one), Quarter.containing(other)
    assert (first < second) == (first.start < second.start)
    assert (first == second) == (first.start == second.start)


def test_months_of_the_last_quarter_stand_in_the_next_year() -> None:
    assert Quarter(2025, 4).months == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]


def test_until_gives_both_ends_and_what_lies_between() -> None:
    codes = [quarter.code for quarter in Quarter(2024, 3).until(Quarter(2025, 2))]
    assert codes == ["2024-25-Q3", "2024-25-Q4", "2025-26-Q1", "2025-26-Q2"]
    assert Quarter(2025, 1).until(Quarter(2025, 1)) == [Quarter(2025, 1)]
    assert Quarter(2025, 2).until(Quarter(2025, 1)) == []


@pytest.mark.parametrize(
    ("today", "code"),
    [
        (date(2026, 6, 30), "2025-26-Q4"),
        (date(2026, 7, 1), "2026-27-Q1"),
        (date(2026, 1, 1), "2025-26-Q3"),
        (date(2026, 3, 31), "2025-26-Q3"),
    ],
)
def test_the_last_complete_quarter_had_ended_before_today(today: date, code: str) -> None:
    assert Quarter.last_complete(today).code == code
    assert Quarter.last_complete(today).end < today


@pytest.mark.parametrize(
    ("day", "what"),
    [
        (date(2025, 12, 25), "Christmas Day, a Thursday"),
        (date(2025, 12, 26), "Boxing Day"),
        (date(2025, 12, 27), "a Saturday"),
        (date(2021, 12, 27), "instead of Christmas Day, a Saturday"),
        (date(2021, 12, 28), "instead of Boxing Day, a Sunday"),
        (date(2022, 1, 3), "instead of New Year's Day, a Saturday"),
        (date(2026, 4, 3), "Good Friday"),
        (date(2026, 4, 6), "Easter Monday"),
        (date(2022, 6, 3), "the Platinum Jubilee"),
        (date(2022, 9, 19), "the Queen's funeral"),
        (date(2023, 5, 8), "the Coronation"),
        (date(2020, 5, 8), "the May holiday, moved to VE Day"),
        (date(2025, 8, 25), "the August holiday"),
    ],
)
def test_nobody_works_on(day: date, what: str) -> None:
    assert not is_working_day(day), what


@pytest.mark.parametrize(
    ("day", "what"),
    [
        (date(2025, 12, 24), "Christmas Eve"),
        (date(2025, 12, 29), "between the years"),
        (date(2026, 4, 2), "Maundy Thursday"),
        (date(2026, 4, 7), "the Tuesday after Easter"),
        (date(2026, 1, 2), "a holiday in Scotland alone"),
        (date(2026, 3, 17), "a holiday in Northern Ireland alone"),
        (date(2020, 5, 4), "the first Monday in May, when the holiday had moved to VE Day"),
    ],
)
def test_people_work_on(day: date, what: str) -> None:
    assert is_working_day(day), what


def test_ten_working_days_across_christmas() -> None:
    # 22, 23, 24, 29, 30, 31 December; 2, 5, 6, 7 January
    assert add_working_days(date(2025, 12, 19), 10) == date(2026, 1, 7)


def test_ten_working_days_across_easter() -> None:
    # 31 March; 1, 2, 7, 8, 9, 10, 13, 14, 15 April
    assert add_working_days(date(2026, 3, 30), 10) == date(2026, 4, 15)


def test_no_working_day_added_is_the_day_itself_even_a_sunday() -> None:
    assert add_working_days(date(2026, 3, 29), 0) == date(2026, 3, 29)
    assert add_working_days(date(2026, 3, 29), 1) == date(2026, 3, 30)


def test_days_carry_the_number_of_working_days_so_far() -> None:
    rows = day_rows(date(2026, 4, 1), date(2026, 4, 8))
    assert [(day.day, working, number) for day, working, number, _, _ in rows] == [
        (1, True, 1),
        (2, True, 2),
        (3, False, 2),  # Good Friday
        (4, False, 2),
        (5, False, 2),
        (6, False, 2),  # Easter Monday
        (7, True, 3),
        (8, True, 4),
    ]
    assert {(month, quarter) for *_, month, quarter in rows} == {(date(2026, 4, 1), date(2026, 4, 1))}


@given(st.dates(date(2020, 4, 1), date(2029, 3, 1)), st.integers(0, 40))
def test_a_difference_of_day_numbers_counts_working_days(start: date, count: int) -> None:
    numbers = {day: number for day, _, number, _, _ in day_rows(date(2020, 4, 1), date(2029, 12, 31))}
    assert numbers[add_working_days(start, count)] - numbers[start] == count


def test_days_know_their_month_and_quarter() -> None:
    rows = {day: (month, quarter) for day, _, _, month, quarter in day_rows(date(2024, 2, 28), date(2024, 4, 1))}
    assert len(rows) == 34, "29 February is among them"
    assert rows[date(2024, 2, 29)] == (date(2024, 2, 1), date(2024, 1, 1))
    assert rows[date(2024, 4, 1)] == (date(2024, 4, 1), date(2024, 4, 1))


def test_periods_of_two_years_are_complete() -> None:
    rows = period_rows(date(2024, 4, 1), date(2026, 3, 31))
    by_type: dict[str, list[tuple[date, date, str]]] = {}
    for kind, start, end, code, *_ in rows:
        by_type.setdefault(kind, []).append((start, end, code))
    assert {kind: len(found) for kind, found in by_type.items()} == {
        "month": 24,
        "quarter": 8,
        "financial_year": 2,
        "academic_year": 2,
        "calendar_year": 2,
    }
    for kind in ("month", "quarter", "financial_year"):
        spans = by_type[kind]
        assert (spans[0][0], spans[-1][1]) == (date(2024, 4, 1), date(2026, 3, 31)), kind
        for (_, end, _), (start, _, _) in pairwise(spans):
            assert start == end + timedelta(days=1), kind
    assert by_type["calendar_year"] == [
        (date(2025, 1, 1), date(2025, 12, 31), "2025"),
        (date(2026, 1, 1), date(2026, 12, 31), "2026"),
    ]
    assert by_type["academic_year"] == [
        (date(2024, 9, 1), date(2025, 8, 31), "2024-25"),
        (date(2025, 9, 1), date(2026, 8, 31), "2025-26"),
    ]
    assert len({(kind, code) for kind, _, _, code, *_ in rows}) == len(rows), "no period stands twice"


def test_a_period_carries_code_label_and_the_periods_that_hold_it() -> None:
    rows = {(row[0], row[1]): row[2:] for row in period_rows(date(2023, 4, 1), date(2024, 3, 31))}
    year = date(2023, 4, 1)
    assert rows["month", date(2024, 2, 1)] == (date(2024, 2, 29), "2024-02", "Feb 2024", year, date(2024, 1, 1))
    assert rows["month", date(2023, 12, 1)] == (date(2023, 12, 31), "2023-12", "Dec 2023", year, date(2023, 10, 1))
    assert rows["quarter", date(2024, 1, 1)] == (
        date(2024, 3, 31),
        "2023-24-Q4",
        "Q4 2023/24 (Jan–Mar 2024)",
        year,
        date(2024, 1, 1),
    )
    assert rows["financial_year", year] == (date(2024, 3, 31), "2023-24", "2023/24", year, None)
    assert rows["academic_year", date(2023, 9, 1)] == (
        date(2024, 8, 31),
        "2023-24",
        "Academic year 2023/24",
        year,
        None,
    )
    assert rows["calendar_year", date(2024, 1, 1)] == (date(2024, 12, 31), "2024", "2024", year, None)


def test_months_are_named_in_english_whatever_the_machine_speaks() -> None:
    assert [month_label(date(2026, month, 1)) for month in (1, 3, 5, 10, 12)] == [
        "Jan 2026",
        "Mar 2026",
        "May 2026",
        "Oct 2026",
        "Dec 2026",
    ]
