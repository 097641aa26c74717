"""What is known to have happened in the fictional city's services, survey and business plan shows in their measures;
figures are counted again from the rows that landed, and each is traced to them."""

from __future__ import annotations

from decimal import Decimal
from statistics import mean

import duckdb
from support.pipeline import QUARTER, Quarter

from orchestration.settings import Settings
from orchestration.tracing import trace
from sources.sandbox.effects import (
    ACTIVITIES_SLIP,
    CARE_PRICES,
    FAMILIES_IN_HOTELS,
    FOOD_WASTE_WEEKLY,
    RETURN_MISSED,
    SATISFACTION_FALLS,
    TEACHERS_GRADES,
    Effect,
)


def either_side(
    city: Quarter, effect: Effect, measure: str, unit: str = "BRIGSTOW", area: str = ""
) -> tuple[list[float], list[float]]:
    """Figures of a measure outside the time of an effect, and in it."""
    rows = city.vitals.ask(
        "select period_start, value from measures.measure_values where basis = 'reported' and period_type <> 'month' "
        f"and measure_id = '{measure}' and unit_id = '{unit}' and area_id = '{area}' order by period_start"
    )
    inside = [start >= effect.starts and (effect.ends is None or start <= effect.ends) for start, _ in rows]
    found = [float(value) for _, value in rows]
    return (
        [value for value, within in zip(found, inside, strict=True) if not within],
        [value for value, within in zip(found, inside, strict=True) if within],
    )


def recounted(city: Quarter, dataset: str, sql: str) -> Decimal:
    """What a query gives over the rows of a dataset as they landed (`rows`)."""
    with duckdb.connect() as con:
        con.execute(
            f"create view rows as from read_parquet('{city.vitals.data}/raw/{dataset}/*/*.parquet', "
            "union_by_name = true, hive_partitioning = false)"
        )
        ((value,),) = con.execute(sql).fetchall()
    return Decimal(str(value))


def figure(city: Quarter, measure: str, period: str, unit: str = "BRIGSTOW") -> Decimal:
    ((value,),) = city.vitals.ask(
        f"select value from measures.measure_values where measure_id = '{measure}' and unit_id = '{unit}' "
        f"and period_code = '{period}' and area_id = '' and basis = 'reported'"
    )
    return Decimal(value)


# Planted effects


def test_food_waste_every_week_recycles_more_and_leaves_less(city: Quarter) -> None:
    before, since = either_side(city, FOOD_WASTE_WEEKLY, "WA01")
    assert min(since) > max(before), FOOD_WASTE_WEEKLY.expected
    assert mean(since) > mean(before) + 4
    before, since = either_side(city, FOOD_WASTE_WEEKLY, "WA02")
    assert max(since) < min(before)


def test_families_stay_in_hotels(city: Quarter) -> None:
    before, since = either_side(city, FAMILIES_IN_HOTELS, "HO03")
    assert min(since) > 2 * max(before), FAMILIES_IN_HOTELS.expected


def test_a_week_of_care_costs_more_from_april_2024(city: Quarter) -> None:
    before, since = either_side(city, CARE_PRICES, "AS05")
    assert 1.09 < since[0] / before[-1] < 1.13, CARE_PRICES.expected
    assert 1.03 < before[-1] / before[-5] < 1.06, "the rise of the year before"


def test_fewer_are_satisfied_where_deprivation_is_greatest(city: Quarter) -> None:
    before, since = either_side(city, SATISFACTION_FALLS, "QL01", area="DEP10")
    assert mean(since) < mean(before) - 5, SATISFACTION_FALLS.expected
    everywhere, lately = either_side(city, SATISFACTION_FALLS, "QL01")
    assert mean(everywhere) - mean(lately) < (mean(before) - mean(since)) / 2
    limits = city.vitals.ask(
        "select count(*), count(interval_lower), count(*) filter (value between interval_lower and interval_upper) "
        "from measures.measure_values where measure_id like 'QL%'"
    )
    assert len(set(limits[0])) == 1, "each estimate lies within the survey's own limits"
    wards = city.vitals.ask(
        "select count(distinct area_id) from measures.measure_values join core.dim_areas using (area_id) "
        "where measure_id = 'QL01' and area_type = 'ward' and period_code = '2025'"
    )
    assert wards == [(34,)]


def test_teachers_grades_are_higher(city: Quarter) -> None:
    for measure in TEACHERS_GRADES.measures:
        examined, graded = either_side(city, TEACHERS_GRADES, measure)
        assert (len(examined), len(graded)) == (5, 2)
        assert min(graded) > max(examined), TEACHERS_GRADES.expected
    assert city.vitals.ask("select distinct period_type from measures.measure_values where measure_id = 'ED01'") == [
        ("academic_year",)
    ]


def test_a_return_that_never_came_is_an_explicit_gap(city: Quarter) -> None:
    (unit,) = RETURN_MISSED.units
    gaps = city.vitals.ask(
        "select g.measure_id, g.period_code from measures.measure_gaps as g join core.bridge_unit_ancestors as a "
        f"using (unit_id) where a.ancestor_unit_id = '{unit}' and g.missing_reason = 'not_returned' order by all"
    )
    assert gaps == [(measure, "2024-25-Q4") for measure in ("BP01", "BP02", "CY01", "CY02", "CY03")]
    told = city.vitals("trace", "CY01", "2024-25-Q4")
    assert told.code == 2
    assert "No value from Front door and assessment (not returned, Q4 2024/25" in told.err
    whole = city.vitals("trace", "BP01", "2024-25-Q4", "--rows", "0")
    assert whole.code == 0, whole.err
    assert "Not in it: Children and Education (not returned, Q4 2024/25" in whole.out
    reasons = city.vitals.ask(
        "select missing_reason, count(*) from core.fct_returned_values where measure_id = 'CE02' group by 1"
    )
    assert dict(reasons) == {None: 6, "not_due": 16}


def test_activities_slip_in_one_directorate(city: Quarter) -> None:
    (unit,) = ACTIVITIES_SLIP.units
    before, since = either_side(city, ACTIVITIES_SLIP, "BP01", unit)
    assert mean(since) < 0.6 * mean(before), ACTIVITIES_SLIP.expected
    others = [either_side(city, ACTIVITIES_SLIP, "BP01", other) for other in ("ASC", "CYP", "HCS", "RES", "CEX")]
    assert all(mean(since) > 0.8 * mean(before) for before, since in others)


# Figures counted again


def test_figures_are_recounted_from_what_landed(city: Quarter) -> None:
    first, last = "date '2026-07-01'", "date '2026-09-30'"
    days = f"(least(coalesce(end_date, {last}), {last}) - greatest(start_date, {first}) + 1)"
    running = f"from rows where start_date <= {last} and coalesce(end_date, {last}) >= {first}"
    cost = recounted(
        city, "social_care/packages", f"select round(sum(weekly_cost_gbp * {days}) / sum({days}), 2) {running}"
    )
    assert figure(city, "AS05", QUARTER) == cost
    families = recounted(
        city,
        "housing/placements",
        "select count(*) from rows where as_at_date = date '2026-09-30' and children > 0 "
        "and accommodation_type = 'bed_and_breakfast' and as_at_date - placed_date > 42",
    )
    assert figure(city, "HO03", QUARTER) == families
    residual = recounted(
        city,
        "waste/tonnages",
        "select round(1000 * sum(tonnes) filter (treatment in ('energy_recovery', 'landfill')) / max(households), 1) "
        f"from rows where is_household and quarter_start = {first}",
    )
    assert figure(city, "WA02", QUARTER) == residual
    failure = recounted(
        city,
        "complaints/service_requests",
        "select round(100 * avg(case when demand = 'failure' then 1.0 else 0 end), 1) from (select * from rows qualify "
        "row_number() over (partition by request_id order by updated_at desc, _extracted_at desc) = 1) "
        f"where demand is not null and received_date between {first} and {last} and unit_code = 'HCS-REP'",
    )
    assert figure(city, "SR02", QUARTER, "HCS-REP") == failure


def test_every_figure_is_traced_to_rows_that_add_up_to_it(city: Quarter) -> None:
    settings = Settings("brigstow", city.vitals.data.parent)
    newest = city.vitals.ask(
        "select measure_id, max_by(period_code, period_end) from measures.measure_values "
        "join core.dim_council on root_unit_id = unit_id join core.dim_measures using (measure_id) "
        "where domain in ('services', 'plan', 'open_data') and basis = 'reported' and area_id = '' group by 1"
    )
    assert len(newest) > 40
    for measure, period in newest:
        found = trace(settings, measure, period, None)
        rows = found.rows()
        assert sum(rows["numerator"].to_pylist()) == found.numerator, (measure, period)
        if found.denominator is not None:
            assert sum(rows["denominator"].to_pylist()) == found.denominator, (measure, period)


def test_areas_that_figures_name_are_known(city: Quarter) -> None:
    kinds = city.vitals.ask("select area_type, count(*) from core.dim_areas group by 1 order by 1")
    assert [kind for kind, _ in kinds] == ["council", "lsoa", "most_deprived_10_pct", "ward"]
    unknown = "area_id <> '' and area_id not in (select area_id from core.dim_areas)"
    assert city.vitals.ask(f"select count(*) from measures.measure_values where {unknown}") == [(0,)]
    made_from = city.vitals.ask("select predecessor_ids from core.dim_areas where area_name = 'Lockgate'")
    assert made_from == [("X05000014 X05000022",)]
