"""Figures in plain words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from exports import wording


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Decimal("1234.5"), 0, "1,235"),
        (Decimal("2.5"), 0, "3"),
        (Decimal("-2.5"), 0, "−3"),
        (Decimal("0.05"), 1, "0.1"),
        (Decimal("-0.04"), 1, "0.0"),
        (-1234567.891, 2, "−1,234,567.89"),
        (0, 1, "0.0"),
    ],
)
def test_numbers(value: wording.Number, places: int, text: str) -> None:
    assert wording.number(value, places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (834_211, "£834,211"),
        (999_999.6, "£1.0m"),
        (83_421_113, "£83.4m"),
        (-6_214_300, "−£6.2m"),
        (1_204_000_000, "£1.20bn"),
        (Decimal("-12.4"), "−£12"),
        (Decimal("999.4"), "£999"),
        (0, "£0"),
    ],
)
def test_pounds(value: wording.Number, text: str) -> None:
    assert wording.pounds(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "places", "alone", "in_words"),
    [
        ("95.24", "percent", 1, "95.2%", "95.2%"),
        ("11.43", "days_per_fte", 1, "11.4", "11.4 days per FTE"),
        ("9.4", "per_10000_residents", 1, "9.4", "9.4 per 10,000 residents"),
        ("131.6", "per_100000_residents", 1, "131.6", "131.6 per 100,000 residents"),
        ("3.601", "tonnes_per_head", 2, "3.60", "3.60 tonnes per head"),
        ("12.5", "gbp_per_head", 2, "£12.50", "£12.50 per head"),
        ("6214300", "gbp", 0, "£6.2m", "£6.2m"),
        ("996474.05", "gbp", 2, "£996,474", "£996,474"),
        ("1284", "count", 0, "1,284", "1,284"),
        ("-2.3", "points", 1, "−2.3", "−2.3 points"),
        ("66.4", "years", 1, "66.4", "66.4 years"),
        ("24", "a unit to come", 0, "24", "24"),
    ],
)
def test_values_with_their_unit(value: str, unit: str, places: int, alone: str, in_words: str) -> None:
    assert wording.figure(Decimal(value), unit, places) == alone
    assert wording.figure_with_unit(Decimal(value), unit, places) == in_words


def test_a_plus_is_shown_where_the_side_of_zero_matters() -> None:
    assert wording.figure(Decimal("1.7"), "percent", 1, signed=True) == "+1.7%"
    assert wording.figure(Decimal("-1.7"), "percent", 1, signed=True) == "−1.7%"
    assert wording.figure(Decimal("0.04"), "percent", 1, signed=True) == "0.0%"


@pytest.mark.parametrize(
    ("value", "unit", "places", "text"),
    [
        ("85", "percent", 1, "85%"),
        ("8.5", "days_per_fte", 1, "8.5"),
        ("9.0", "days_per_fte", 1, "9"),
        ("0.25", "percent", 1, "0.3%"),
        ("80000000", "gbp", 0, "£80m"),
        ("2500000", "gbp", 0, "£2.5m"),
    ],
)
def test_targets_and_axes_do_without_needless_decimals(value: str, unit: str, places: int, text: str) -> None:
    assert wording.brief(Decimal(value), unit, places) == text


@pytest.mark.parametrize(
    ("change", "unit", "places", "text"),
    [
        ("-2.14", "percent", 1, "2.1 points"),
        ("1", "percent", 0, "1 point"),
        ("-0.6", "days_per_fte", 1, "0.6"),
        ("-13200000", "gbp", 0, "£13.2m"),
    ],
)
def test_changes_have_no_sign(change: str, unit: str, places: int, text: str) -> None:
    assert wording.difference(Decimal(change), unit, places) == text


@pytest.mark.parametrize(
    ("numbers", "unit", "labels", "text"),
    [
        ((31, 78), "percent", ("Implemented on time", "Actions that fell due"), "31 of 78 actions that fell due"),
        (
            (Decimal("53124.0"), Decimal("4660.25")),
            "days_per_fte",
            ("working days lost", "average full-time equivalent staff"),
            "53,124 working days lost; 4,660.3 average full-time equivalent staff",
        ),
        (
            (3_646_000, 41_012_000),
            "percent",
            ("agency spend (£)", "agency spend and employee pay (£)"),
            "£3.6m of £41.0m agency spend and employee pay",
        ),
        ((5, 9), "percent", ("women", "FTE posts"), "5 of 9 FTE posts"),
        ((5, None), "count", ("value published", None), ""),
        ((None, 9), "percent", ("a", "b"), ""),
    ],
)
def test_the_numbers_behind_a_value(
    numbers: tuple[wording.Number | None, wording.Number | None], unit: str, labels: tuple[str, str | None], text: str
) -> None:
    assert wording.basis(*numbers, unit, *labels) == text


def test_few_cases_are_shown_as_cases() -> None:
    assert wording.is_small(19, "percent")
    assert not wording.is_small(20, "percent")
    assert not wording.is_small(19, "days_per_fte")
    assert not wording.is_small(0, "percent")
    assert not wording.is_small(None, "percent")


def test_words_and_sentences() -> None:
    assert [wording.count(n, "service") for n in (0, 1, 10, 11)] == [
        "no services", "one service", "ten services", "11 services",
    ]  # fmt: skip
    assert wording.count(2, "activity", "activities") == "two activities"
    assert wording.joined(["a"]) == "a"
    assert wording.joined(["a", "b", "c"]) == "a, b and c"
    assert wording.sentence("none of them. ") == "None of them."
    assert wording.sentence("") == ""


def test_periods_and_days() -> None:
    quarter = "Q2 2026/27 (Jul–Sep 2026)"
    assert wording.short_period(quarter, date(2026, 7, 1), date(2026, 9, 30)) == "Q2 2026/27"
    assert wording.short_period("2024", date(2024, 1, 1), date(2024, 12, 31)) == "2024"
    assert wording.short_period("2011-12", date(2011, 12, 1), date(2011, 12, 31)) == "Dec 2011"
    assert wording.short_period("2011-12", date(2011, 4, 1), date(2012, 3, 31)) == "2011-12"
    assert wording.months(date(2026, 7, 1), date(2026, 9, 30)) == "July to September 2026"
    assert wording.months(date(2025, 12, 1), date(2026, 2, 28)) == "December 2025 to February 2026"
    assert wording.months(date(2026, 4, 1), date(2026, 4, 30)) == "April 2026"
    # In summer the council's clock is an hour ahead: half past eleven at night in UTC is the next day.
    assert wording.day(datetime(2026, 7, 14, 23, 30, tzinfo=UTC)) == "15 July 2026"
