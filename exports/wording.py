"""Figures and periods in plain words: one place decides how a percentage, a sum or a change is written.
Belongs here: formatting of single facts. Not here: which facts a page tells (health) or how it looks (templates)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

MINUS = "−"
# What follows a value in running text. Percent and pounds are written onto the figure itself.
UNITS = {
    "percent": "",
    "days_per_fte": "days per FTE",
    "per_10000_residents": "per 10,000 residents",
    "per_100000_residents": "per 100,000 residents",
    "tonnes_per_head": "tonnes per head",
    "kilotonnes": "kilotonnes",
    "kg_per_household": "kg per household",
    "per_1000_residents": "per 1,000 residents",
    "days": "days",
    "points": "points",
    "gbp": "",
    "gbp_per_head": "per head",
    "count": "",
    "ratio": "",
    "years": "years",
    "rate": "",
}
# Below this many, a percentage moves by five points or more with every case, so the cases are shown instead.
SMALL_DENOMINATOR = 20
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
STATUS = {
    "on_target": "on target",
    "within_tolerance": "within tolerance",
    "off_target": "off target",
    "no_target": "no target",
}

Number = Decimal | int | float


def _rounded(value: Number, places: int) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def number(value: Number, places: int = 0) -> str:
    """A number with thousands separators and a true minus sign: '−1,234.5'. Halves round away from zero."""
    rounded = _rounded(value, places)
    text = f"{abs(rounded):,.{places}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def quantity(value: Number) -> str:
    """A count or sum that stands in a fraction: whole if it is whole, one decimal otherwise ('466', '1,284.5')."""
    rounded = _rounded(value, 1)
    return number(value, 0 if rounded == rounded.to_integral_value() or abs(rounded) >= 10_000 else 1)


def pounds(value: Number, places: int = 0) -> str:
    """Pounds: '£834,211', from a million on '£83.4m', from a thousand million on '£1.20bn'.

    Pence (`places`) are written below a thousand pounds only; a minus goes before the sign.
    """
    for size, letter, decimals in ((Decimal(10**9), "bn", 2), (Decimal(10**6), "m", 1)):
        if abs(_rounded(value, 0)) >= size:
            scaled = number(_rounded(value, 2) / size, decimals)
            return _before_digits(scaled, "£") + letter
    pence = places if abs(_rounded(value, 0)) < 1000 else 0
    return _before_digits(number(value, pence), "£")


def figure(value: Number, unit: str, places: int, *, signed: bool = False) -> str:
    """A value as it stands beside its name: '95.2%', '11.4', '£6.2m'. `signed` shows a plus too ('+1.7%')."""
    if unit in ("gbp", "gbp_per_head"):
        text = pounds(value, places)
    else:
        text = number(value, places) + ("%" if unit == "percent" else "")
    return f"+{text}" if signed and _rounded(value, places) > 0 else text


def brief(value: Number, unit: str, places: int, *, signed: bool = False) -> str:
    """A value without decimals it does not need, for targets and axes: '85%', '8.5', '£80m'."""
    needed = next(
        fewer for fewer in range(places + 1) if fewer == places or _rounded(value, fewer) == _rounded(value, places)
    )
    text = figure(value, unit, needed, signed=signed)
    return re.sub(r"\.0+(?=m$|bn$)", "", text)


def figure_with_unit(value: Number, unit: str, places: int, *, signed: bool = False) -> str:
    """A value in running text: '11.4 days per FTE', '95.2%', '£12.50 per head'."""
    return f"{figure(value, unit, places, signed=signed)} {UNITS.get(unit, '')}".rstrip()


def difference(change: Number, unit: str, places: int) -> str:
    """The size of a change, without sign: '2.1 points' for percentages, '£1.2m', '0.6'."""
    size = abs(_rounded(change, places))
    if unit in ("gbp", "gbp_per_head"):
        return pounds(size, places)
    text = number(size, places)
    if unit != "percent":
        return text
    return f"{text} point" if text == "1" else f"{text} points"


def is_visible(change: Number, places: int) -> bool:
    """Whether a change shows at all at the measure's decimals."""
    return _rounded(change, places) != 0


def basis(
    numerator: Number | None,
    denominator: Number | None,
    unit: str,
    numerator_label: str,
    denominator_label: str | None,
) -> str:
    """What a value is made of, with its labels: '31 of 78 audit actions due' or
    '5,312 working days lost; 466 average FTE'."""
    if numerator is None or denominator is None or not denominator_label:
        return ""
    top, bottom = _pair(numerator, denominator, numerator_label, denominator_label)
    counted, out_of = (_lower_first(label.replace(" (£)", "")) for label in (numerator_label, denominator_label))
    return f"{top} of {bottom} {out_of}" if unit == "percent" else f"{top} {counted}; {bottom} {out_of}"


def part(value: Number, label: str | None) -> str:
    """A numerator or denominator on its own; one whose label says '(£)' is written in pounds."""
    return pounds(value, 2 if abs(float(value)) < 100 else 0) if label and "£" in label else quantity(value)


def _pair(numerator: Number, denominator: Number, numerator_label: str, denominator_label: str) -> tuple[str, str]:
    return part(numerator, numerator_label), part(denominator, denominator_label)


def is_small(denominator: Number | None, unit: str) -> bool:
    """Whether a percentage rests on so few cases that the cases are shown instead of it. Cases are whole: a share of
    £18.81 rests on none."""
    if unit != "percent" or denominator is None:
        return False
    return 0 < denominator < SMALL_DENOMINATOR and denominator == int(denominator)


def count(number_of: int, noun: str, plural: str = "") -> str:
    """'one service', '12 services', 'no services': words up to ten."""
    return f"{in_words(number_of)} {noun if number_of == 1 else plural or noun + 's'}"


def in_words(number_of: int) -> str:
    """'seven', '12', '1,284': words up to ten, digits from there."""
    return WORDS[number_of] if 0 <= number_of < len(WORDS) else f"{number_of:,}"


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital first letter and one full stop."""
    text = text.strip()
    return capital(text.rstrip(".")) + "." if text else ""


def joined(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def short_period(label: str, start: date, end: date) -> str:
    """'Q2 2026/27 (Jul–Sep 2026)' → 'Q2 2026/27', a single month → 'Jan 2026'; other labels stay as they are."""
    return f"{start:%b %Y}" if (end - start).days <= 31 else label.split(" (", 1)[0]


def month(day: date) -> str:
    """'Oct 2025'."""
    return f"{day:%b %Y}"


def months(start: date, end: date) -> str:
    """'July to September 2026', 'December 2025 to February 2026', 'April 2026'."""
    if (start.year, start.month) == (end.year, end.month):
        return f"{end:%B %Y}"
    return f"{start:%B}{'' if start.year == end.year else f' {start.year}'} to {end:%B %Y}"


def day(moment: datetime) -> str:
    """The moment's day in the council's time zone: '14 October 2026'."""
    local = moment.astimezone(ZoneInfo("Europe/London"))
    return f"{local.day} {local:%B %Y}"


def possessive(name: str) -> str:
    """'Sampleton's', 'St Albans'': with a typographic apostrophe."""
    return f"{name}’" if name.endswith("s") else f"{name}’s"


def _before_digits(text: str, sign: str) -> str:
    return f"{MINUS}{sign}{text[1:]}" if text.startswith(MINUS) else f"{sign}{text}"


def _lower_first(label: str) -> str:
    """A label inside a sentence; acronyms (FTE, CO₂) keep their capitals."""
    first = label.split(" ", 1)[0]
    return label if len(first) > 1 and first[1:].lower() != first[1:] else label[:1].lower() + label[1:]
