"""What the public can reckon with: which counts add up to which, within a table, across tables and periods.
Belongs here: cells and linear relations between them. Not here: hiding (disclosure) or proving (audit)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

LONGER = {"quarter": ("month",), "financial_year": ("quarter", "month"), "calendar_year": ("quarter", "month"),
          "academic_year": ("month",)}  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """`low` <= sum of coefficient x cell <= `high`. Cells are numbers that the caller gives out."""

    terms: tuple[tuple[int, float], ...]
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """One published figure with its true counts; a part that does not count people is None."""

    measure_id: str
    unit_id: str
    area_id: str
    basis: str
    period_type: str
    period_start: date
    period_end: date
    numerator: Decimal | None
    denominator: Decimal | None


Cell = tuple[Figure, str]  # a figure and which of its parts: "numerator" or "denominator"


@dataclass(frozen=True)
class Structure:
    """What everybody knows of the council: the tree of units, the kinds of areas, the words for each measure's parts
    (measure and part to label) and the measures whose numerator is part of the denominator."""

    parents: Mapping[str, str | None]
    area_types: Mapping[str, str]
    labels: Mapping[tuple[str, str], str]
    shares: frozenset[str]


def sum_of(total: int, parts: Sequence[int], *, at_most: bool = False) -> Relation:
    """The parts make up the total; with `at_most` the total may hold more than them."""
    return Relation(((total, 1.0), *((part, -1.0) for part in parts)), 0.0, math.inf if at_most else 0.0)


class Variables:
    """Numbers for cells. The same cell with the same true count in two releases is one quantity and one number."""

    def __init__(self) -> None:
        self.values: list[Decimal] = []
        self.cells: list[Cell] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, cell: Cell) -> int:
        """The number of a cell, given out on first sight."""
        value = getattr(cell[0], cell[1])
        key = (*identity(cell), value)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
            self.cells.append(cell)
        return self._numbers[key]


def identity(cell: Cell) -> tuple[object, ...]:
    """Which count a cell is, whatever it comes to."""
    figure, part = cell
    return (figure.measure_id, part, figure.unit_id, figure.area_id, figure.basis, figure.period_type,
            figure.period_start, figure.period_end)  # fmt: skip


def relations_of(figures: Iterable[Figure], structure: Structure, variables: Variables) -> list[Relation]:
    """Every relation between the counts of one release that is true of them.

    A sum is taken for known only where it adds up: unit = its units below, whole = areas of one kind, longer period =
    shorter ones, twelve months rolling = its periods, one count under one name in two measures. Where parts of a unit
    or whole come to less than it, they are at most it.
    """
    counts: dict[tuple[object, ...], tuple[Cell, Decimal]] = {}
    for figure in figures:
        for part in ("numerator", "denominator"):
            value = getattr(figure, part)
            if value is not None:
                counts[identity((figure, part))] = ((figure, part), value)
    found: dict[tuple[tuple[tuple[int, float], ...], float], Relation] = {}

    def add(total: tuple[object, ...], parts: Sequence[tuple[object, ...]], partial: bool) -> None:
        whole, values = counts[total][1], [counts[part][1] for part in parts]
        if not (sum(values) == whole or (partial and sum(values) < whole and min(values) >= 0)):
            return
        relation = sum_of(
            variables.number(counts[total][0]),
            [variables.number(counts[part][0]) for part in parts],
            at_most=sum(values) != whole,
        )
        found[relation.terms, relation.high] = relation

    for total, parts, partial in _groups(counts, structure):
        add(total, parts, partial)
    return list(found.values())


_Key = tuple[object, ...]


def _groups(
    counts: Mapping[_Key, tuple[Cell, Decimal]], structure: Structure
) -> Iterator[tuple[_Key, list[_Key], bool]]:
    units: dict[_Key, list[_Key]] = defaultdict(list)
    areas: dict[tuple[_Key, str], list[_Key]] = defaultdict(list)
    series: dict[_Key, dict[str, list[_Key]]] = defaultdict(lambda: defaultdict(list))
    named: dict[_Key, list[_Key]] = defaultdict(list)
    for key in counts:
        measure, part, unit, area, basis, kind, start, end = key
        parent = structure.parents.get(str(unit))
        while parent is not None:
            above = (measure, part, parent, area, basis, kind, start, end)
            if above in counts:
                units[above].append(key)
                break
            parent = structure.parents.get(parent)
        whole = (measure, part, unit, "", basis, kind, start, end)
        if area and whole in counts:
            areas[whole, structure.area_types.get(str(area), "")].append(key)
        series[measure, part, unit, area, basis][str(kind)].append(key)
        label = structure.labels.get((str(measure), str(part)))
        if label and basis == "reported":
            named[label, unit, area, kind, start, end].append(key)
        if part == "numerator" and measure in structure.shares:
            denominator = (measure, "denominator", *key[2:])
            if denominator in counts:
                yield denominator, [key], True
    for total, parts in units.items():
        yield total, parts, True
    for (total, _), parts in areas.items():
        yield total, parts, True
    for same in named.values():
        for other in same[1:]:
            yield same[0], [other], False
    for (measure, part, unit, area, basis), kinds in series.items():
        for kind, shorter in LONGER.items():
            for total in kinds.get(kind, ()):
                for each in shorter:
                    parts = [key for key in kinds.get(each, ()) if total[6] <= key[6] and key[7] <= total[7]]  # type: ignore[operator]
                    if parts:
                        yield total, parts, False
        if basis == "reported":
            in_period = series.get((measure, part, unit, area, "in_period"), {})
            for kind, totals in kinds.items():
                for total in totals:
                    parts = [key for key in in_period.get(kind, ()) if _within_a_year(key, total)]
                    if parts:
                        yield total, parts, False


def _within_a_year(key: _Key, total: _Key) -> bool:
    start, end, last = key[6], key[7], total[7]
    assert isinstance(start, date) and isinstance(end, date) and isinstance(last, date)
    return end <= last and (last - start).days < 366
