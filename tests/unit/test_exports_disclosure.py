"""Suppression and its proof on random tables, against brute force where tables are tiny."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.audit import unprotected
from exports.disclosure import is_small, least, suppress
from exports.relations import Relation, sum_of

THRESHOLD, WIDTH = 3, 2


@dataclass(frozen=True)
class Made:
    """A table with all its totals: the true counts and how they hang together."""

    values: list[int]
    relations: list[Relation]


def table(sizes: tuple[int, ...], inner: list[int]) -> Made:
    """Counts of a 1-, 2- or 3-way table; `None` in a place stands for all of that dimension."""
    counts = dict(zip(itertools.product(*(range(size) for size in sizes)), inner, strict=True))
    places = list(itertools.product(*([*range(size), None] for size in sizes)))
    numbers = {place: at for at, place in enumerate(places)}
    values = [
        sum(n for cell, n in counts.items() if all(p is None or p == c for p, c in zip(place, cell, strict=True)))
        for place in places
    ]
    relations = [
        sum_of(numbers[place], [numbers[(*place[:way], at, *place[way + 1 :])] for at in range(sizes[way])])
        for place in places
        for way in range(len(sizes))
        if place[way] is None
    ]
    return Made(values, relations)


@st.composite
def tables(draw: st.DrawFn, shapes: tuple[tuple[int, ...], ...], most: int = 12) -> Made:
    sizes = draw(st.sampled_from(shapes))
    count = 1
    for size in sizes:
        count *= size
    return table(sizes, draw(st.lists(st.integers(0, most), min_size=count, max_size=count)))


ANY = tables(((1,), (2,), (5,), (2, 2), (3, 4), (2, 3, 2), (3, 3, 3)))


def small(made: Made) -> set[int]:
    return {at for at, value in enumerate(made.values) if is_small(value, THRESHOLD)}


def proved(made: Made, hidden: set[int], width: float = WIDTH) -> dict[int, tuple[float, float]]:
    lower = {at: least(value) for at, value in enumerate(made.values)}
    return unprotected(hidden, made.values, made.relations, lower, width)


@settings(deadline=None, max_examples=150)
@given(ANY)
def test_what_is_suppressed_passes_the_audit(made: Made) -> None:
    hidden = suppress(made.values, made.relations, small(made), width=WIDTH)
    assert small(made) <= hidden
    assert all(made.values[at] > 0 for at in hidden)  # zero stays zero
    assert proved(made, hidden) == {}


@settings(deadline=None, max_examples=60)
@given(ANY)
def test_the_same_table_hides_the_same_cells(made: Made) -> None:
    assert suppress(made.values, made.relations, small(made), width=WIDTH) == suppress(
        made.values, made.relations, small(made), width=WIDTH
    )


def solutions(made: Made, hidden: list[int], most: int) -> list[tuple[int, ...]]:
    """Every table of whole numbers that agrees with what is shown, by trying them all."""
    found = []
    for guess in itertools.product(range(1, most + 1), repeat=len(hidden)):
        values = dict(enumerate(made.values)) | dict(zip(hidden, guess, strict=True))
        if all(
            relation.low <= sum(factor * values[cell] for cell, factor in relation.terms) <= relation.high
            for relation in made.relations
        ):
            found.append(guess)
    return found


@settings(deadline=None, max_examples=120)
@given(tables(((2,), (3,), (2, 2)), most=5), st.data())
def test_the_audit_agrees_with_brute_force(made: Made, data: st.DataObject) -> None:
    """Any inner cells hidden, protected or not: the audit names exactly those whose range is too narrow."""
    inner = [at for at, value in enumerate(made.values) if 0 < value <= 8]
    hidden = sorted(data.draw(st.sets(st.sampled_from(inner), max_size=4)) if inner else set())
    most = 20 if len(hidden) <= 3 else 12
    found = solutions(made, hidden, most)
    expected = {
        cell
        for at, cell in enumerate(hidden)
        if max(guess[at] for guess in found) - min(guess[at] for guess in found) < WIDTH
    }
    assert set(proved(made, set(hidden))) == expected


@settings(deadline=None, max_examples=100)
@given(tables(((3,), (2, 2), (3, 3)), most=9))
def test_a_secondary_cell_taken_away_is_noticed_where_it_was_needed(made: Made) -> None:
    """Show a hidden cell again: the audit fails wherever a single sum then gives another one away."""
    hidden = suppress(made.values, made.relations, small(made), width=WIDTH)
    for cell in sorted(hidden - small(made)):
        rest = hidden - {cell}
        given_away = {
            inside[0]
            for relation in made.relations
            if len(inside := [at for at, _ in relation.terms if at in rest]) == 1
        }
        assert given_away <= set(proved(made, rest))


@settings(deadline=None, max_examples=60)
@given(tables(((4,), (3, 3)), most=9), st.data())
def test_what_an_earlier_release_showed_protects_nobody(made: Made, data: st.DataObject) -> None:
    primary = small(made)
    others = sorted(at for at, value in enumerate(made.values) if value > 0 and at not in primary)
    known = data.draw(st.sets(st.sampled_from(others), max_size=2)) if others else set()
    hidden = suppress(made.values, made.relations, primary, known, WIDTH)
    assert not hidden & known
    failing = proved(made, hidden)
    if failing:  # only where nothing is left that could be hidden
        reachable = {at for relation in made.relations for at, _ in relation.terms}
        assert {at for at in reachable if made.values[at] > 0} <= hidden | known


def test_one_small_part_takes_a_second_with_it() -> None:
    made = table((3,), [2, 9, 30])
    assert suppress(made.values, made.relations, {0}, width=WIDTH) == {0, 1}
    assert proved(made, {0}) == {0: (2.0, 2.0)}


def test_two_small_parts_that_leave_no_room_take_a_third() -> None:
    made = table((3,), [1, 1, 30])
    assert suppress(made.values, made.relations, {0, 1}, width=WIDTH) == {0, 1, 2}


def test_a_known_ratio_gives_a_numerator_away() -> None:
    """12.5 % of 16, rounded at one place: between 1.992 and 2.008 is only 2."""
    ratio = Relation(((0, 1.0),), 16 * 0.1245, 16 * 0.1255)
    assert set(unprotected({0}, [2, 16], [ratio], {0: 1.0}, 1)) == {0}


@pytest.mark.parametrize(("value", "hidden"), [(0, False), (0.5, True), (1, True), (7, True), (7.9, True), (8, False)])
def test_small_is_one_to_the_threshold(value: float, hidden: bool) -> None:
    assert is_small(value, 7) is hidden
