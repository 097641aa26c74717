"""Process control in the fictional city: what was planted is found, and in shuffled months nothing more than chance."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from itertools import groupby

import pytest
from support.pipeline import Quarter

from orchestration.spc import Readings, Rules, classify
from sources.sandbox import effects

COUNCIL = "(select root_unit_id from core.dim_council)"


@pytest.mark.parametrize(
    ("measure", "unit", "effect"),
    [
        ("HR01", "ASC", effects.CARE_SICKNESS),
        ("CO07", "ASC", effects.CARE_COMPLAINTS),
        ("FI01", "ASC", effects.CARE_OVERSPEND),
        ("HR04", "BRIGSTOW", effects.RECRUITMENT_FREEZE),
    ],
)
def test_what_got_worse_is_flagged_to_the_end(measure: str, unit: str, effect: effects.Effect, city: Quarter) -> None:
    ((kind, since),) = city.vitals.ask(
        "select point_type, signal_since from insight.spc_signals "
        f"where measure_id = '{measure}' and unit_id = '{unit}' and area_id = ''"
    )
    polarity = city.vitals.ask(f"select polarity from core.dim_measures where measure_id = '{measure}'")[0][0]
    assert kind == ("special_cause_neutral_high" if polarity == "context" else "special_cause_concern")
    assert since <= max(effect.starts, date(2026, 4, 1)), "a run is flagged from its beginning"


def test_changes_that_worked_are_told_from_one_that_did_not(city: Quarter) -> None:
    found = {
        (measure, unit): (verdict, difference, lower, upper)
        for measure, unit, verdict, difference, lower, upper in city.vitals.ask(
            "select measure_id, unit_id, verdict, difference, difference_lower, difference_upper "
            "from insight.interventions where status <> 'planned'"
        )
    }
    for measure, unit in (("CO02", "BRIGSTOW"), ("FI05", "BRIGSTOW"), ("HR03", "CYP")):
        assert found[(measure, unit)][0] == "adopt"
    _, difference, lower, upper = found[("CO02", "BRIGSTOW")]
    assert lower < 10 < upper and 7 < difference < 13, effects.COMPLAINTS_TRIAGE.expected
    assert found[("HR01", "ASC-LOC")][0] == "no_difference_shown", "nothing was planted there"


def test_limits_begin_afresh_with_the_new_triage_and_only_where_it_reaches(city: Quarter) -> None:
    def groups(measure: str, unit: str) -> list[tuple[int, date]]:
        return city.vitals.ask(
            "select process_group, min(period_start) from insight.spc "
            f"where measure_id = '{measure}' and unit_id = '{unit}' and area_id = '' group by all order by all"
        )

    starts = effects.COMPLAINTS_TRIAGE.starts
    for unit in ("BRIGSTOW", "ASC", "HCS-REP"):
        assert [start for _, start in groups("CO02", unit)][1:] == [starts]
    assert len(groups("HR03", "CYP")) == 2
    assert len(groups("HR03", "ASC")) == len(groups("CO01", "BRIGSTOW")) == 1


def test_rolling_measures_are_charted_by_the_period_alone(city: Quarter) -> None:
    bases = dict(city.vitals.ask("select measure_id, string_agg(distinct basis) from insight.spc group by all"))
    assert (bases["HR01"], bases["HR02"], bases["CO02"]) == ("in_period", "in_period", "reported")
    # Twelve months alone, each a rate per year, average to the rolling figure, which weights them by staff.
    ((rolling, mean),) = city.vitals.ask(
        f"""select (select value from measures.measure_values where measure_id = 'HR01' and unit_id = {COUNCIL}
                    and area_id = '' and basis = 'reported' and period_code = '2026-09'),
                (select avg(value) from insight.spc where measure_id = 'HR01' and unit_id = {COUNCIL}
                    and recency <= 12)"""
    )
    assert abs(float(rolling) - mean) < 0.2


def test_shuffled_months_show_little_and_real_ones_much(city: Quarter) -> None:
    """The months of the council and its directorates in an order of chance. How often a rule is then met is bounded
    for every series: a run of seven on a side that holds the share q of points has the probability q⁷ (7 − 6q) at each
    point of it, a trend at most 7 × 2 / 7!, and beyond three (two) standard deviations lie at most 4.9 % (11.1 %) of
    any distribution with one peak (Vysochanskij and Petunin); two of three so far out, one of them the point, are rarer
    than 0.111 × 4 × 0.111."""
    rows = city.vitals.ask(
        """select measure_id || ' ' || unit_id, period_start, value
            from insight.spc inner join core.dim_units using (unit_id)
            where unit_level in ('council', 'directorate') and area_id = '' and period_type = 'month'
                and not is_small_denominator
            order by all"""
    )
    rng = random.Random(4)  # noqa: S311 - an order of chance
    shuffled: list[tuple[str, date, Decimal]] = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        months = list(group)
        values = rng.sample([value for *_, value in months], len(months))
        shuffled += [(name, day, value) for (name, day, _), value in zip(months, values, strict=True)]
    flagged, bound = [], 0.0
    for result in classify(Readings(shuffled, 0), Rules()):
        above = sum(point.value > point.mean for point in result.points) / len(result.points)
        below = sum(point.value < point.mean for point in result.points) / len(result.points)
        runs = sum(share**7 * (7 - 6 * share) for share in (above, below))
        bound += len(result.points) * (runs + 7 * 2 / 5040 + 0.049 + 0.111 * 4 * 0.111)
        flagged += [point.special_cause != "none" for point in result.points]
    as_they_came = [
        point.special_cause != "none" for result in classify(Readings(rows, 0), Rules()) for point in result.points
    ]
    assert len(flagged) == len(as_they_came) > 1000
    assert sum(flagged) <= bound
    assert sum(as_they_came) > 2 * sum(flagged)
