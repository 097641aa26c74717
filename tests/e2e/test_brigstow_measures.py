"""What is known to have happened in the fictional city shows in its measures; figures are counted again from the rows
that landed, in other words than the models'."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest
from support.pipeline import Quarter

from sources.sandbox.effects import (
    BOUNDARY_CHANGE,
    COUNCIL_TAX_SUPPORT,
    EDUCATION_PLANS,
    ONLINE_REPAIRS,
    PAY_GAP,
    SAVINGS_SLIP,
)

FIGURES = "from measures.measure_values where basis = 'reported' and"


def landed(city: Quarter, sql: str) -> list[tuple[Any, ...]]:
    """What a query gives over the files that landed: {dataset} stands for those of one."""
    with duckdb.connect() as con:
        for path in (city.vitals.data / "raw").glob("*/*"):
            con.execute(
                f"create view {path.parent.name}__{path.name} as "
                f"from read_parquet('{path}/*/*.parquet', union_by_name = true, hive_partitioning = false)"
            )
        return con.execute(sql).fetchall()


def share(city: Quarter, where: str) -> float:
    """Numerators of the figures that are meant over their denominators."""
    ((value,),) = city.vitals.ask(f"select sum(numerator) / sum(denominator) {FIGURES} area_id = '' and {where}")
    return float(value)


# Planted effects


def test_savings_slip_in_adult_social_care_alone(city: Quarter) -> None:
    months = "measure_id = 'FI02' and period_type = 'month'"
    since, before = f"period_start >= '{SAVINGS_SLIP.starts}'", f"period_start < '{SAVINGS_SLIP.starts}'"
    (unit,) = SAVINGS_SLIP.units
    others = f"unit_id in (select unit_id from core.dim_units where unit_level = 'directorate') and unit_id <> '{unit}'"
    assert share(city, f"{months} and {before} and unit_id = '{unit}'") > 0.84
    assert share(city, f"{months} and {since} and unit_id = '{unit}'") < 0.7
    assert share(city, f"{months} and {since} and {others}") > 0.84


def test_council_tax_is_collected_more_slowly(city: Quarter) -> None:
    rates = city.vitals.ask(
        "select p.financial_year_start, v.value from measures.measure_values as v "
        "join core.dim_periods as p using (period_type, period_start) join core.dim_council as c on c.root_unit_id = "
        "v.unit_id where v.measure_id = 'FI03' and v.basis = 'reported' and v.period_code like '%-Q4'"
    )
    before = [value for start, value in rates if start < COUNCIL_TAX_SUPPORT.starts]
    since = [value for start, value in rates if start >= COUNCIL_TAX_SUPPORT.starts]
    assert len(before) == 4 and len(since) == 1
    assert max(since) < min(before) - Decimal("0.5")
    in_period = city.vitals.ask(
        "select count(*) from measures.measure_values where measure_id = 'FI03' and basis <> 'reported'"
    )
    assert in_period == [(0,)], "a month alone says nothing of a tax that is billed in April"


def test_the_gender_pay_gap_shrinks(city: Quarter) -> None:
    gaps = dict(
        city.vitals.ask(
            "select measure_id, list(value order by period_start) from measures.measure_values "
            "join core.dim_council on root_unit_id = unit_id where measure_id in ('HR05', 'HR05M') group by 1"
        )
    )
    for values in gaps.values():
        assert len(values) == 5
        assert values[0] - values[-1] >= Decimal("0.5"), PAY_GAP.expected
    assert gaps["HR05"][0] - gaps["HR05"][-1] >= 1


def test_the_ombudsman_decides_more_on_education_plans(city: Quarter) -> None:
    (unit,) = EDUCATION_PLANS.units
    years = city.vitals.ask(
        f"select period_start, denominator {FIGURES} measure_id = 'CO06' and unit_id = '{unit}' order by 1"
    )
    before = [count for start, count in years if start < EDUCATION_PLANS.starts]
    since = [count for start, count in years if start >= EDUCATION_PLANS.starts]
    assert sum(since) / len(since) > 1.5 * float(sum(before) / len(before))


def test_repairs_online_leave_less_failure_demand(city: Quarter) -> None:
    (unit,) = ONLINE_REPAIRS.units
    months = f"measure_id = 'SR02' and period_type = 'month' and unit_id = '{unit}'"
    before = share(city, f"{months} and period_start < '{ONLINE_REPAIRS.starts}'")
    since = share(city, f"{months} and period_start >= '{ONLINE_REPAIRS.starts}'")
    assert before > 0.38 and since < 0.32


def test_complaints_lie_in_the_wards_of_their_time(city: Quarter) -> None:
    change = BOUNDARY_CHANGE.starts
    months = city.vitals.ask(
        "select a.valid_to is not null, min(v.period_start), max(v.period_end), count(distinct a.area_id) "
        "from measures.measure_values as v join core.dim_areas as a using (area_id) "
        "where v.measure_id = 'CO07' and v.period_type = 'month' and a.area_type = 'ward' "
        f"and (a.valid_to < '{change}' or a.valid_from = '{change}') group by 1 order by 1"
    )
    (_, begun, _, new), (_, _, ended, old) = months
    assert new == old == 6
    assert begun.replace(day=1) == change.replace(day=1)
    assert ended.replace(day=1) == change.replace(day=1), "on the first of May the old ones still stood"


# Counted again


def test_pay_gaps_are_those_of_the_rows_that_landed(city: Quarter) -> None:
    counted = landed(
        city,
        """select 'HR05', snapshot_date, avg(case when sex = 'male' then hourly_pay_gbp::double end) as men,
               avg(case when sex = 'female' then hourly_pay_gbp::double end) as women
           from hr__pay where is_full_pay group by 2
           union all
           select 'HR05M', snapshot_date, median(case when sex = 'male' then hourly_pay_gbp::double end),
               median(case when sex = 'female' then hourly_pay_gbp::double end)
           from hr__pay where is_full_pay group by 2""",
    )
    expected = {
        (name, day): round(100 * (float(men) - float(women)) / float(men), 1) for name, day, men, women in counted
    }
    told = {
        (name, day): float(value)
        for name, day, value in city.vitals.ask(
            "select measure_id, period_end, value from measures.measure_values join core.dim_council on "
            "root_unit_id = unit_id where measure_id in ('HR05', 'HR05M')"
        )
    }
    assert len(told) == 10
    assert told == pytest.approx(expected, abs=0.051)


def test_services_cost_what_was_posted_and_add_up_to_the_council(city: Quarter) -> None:
    ((spent, residents),) = landed(
        city,
        """select sum(amount_gbp), any_value(population) from finance__ledger, population__estimates
           where posted_date between '2025-04-01' and '2026-03-31' and area_code = 'X06000001' and mid_year = 2025""",
    )
    rows = city.vitals.ask(
        "select v.measure_id, u.parent_unit_id is null, v.numerator, v.denominator "
        "from measures.measure_values as v join core.dim_units as u using (unit_id) "
        "where v.measure_id in ('FI06', 'FI06R') and v.basis = 'reported' and v.period_code = '2025-26-Q4' "
        "and (u.parent_unit_id is null or u.parent_unit_id in (select root_unit_id from core.dim_council))"
    )
    for name in ("FI06", "FI06R"):
        (council,) = [numerator for measure, root, numerator, _ in rows if measure == name and root]
        parts = [numerator for measure, root, numerator, _ in rows if measure == name and not root]
        assert len(parts) > 5 and sum(parts) == council
        assert council == spent, "2025/26 is the base year: prices are the same"
    assert {denominator for *_, denominator in rows} == {residents}


def test_real_terms_use_the_newest_vintage_and_the_latest_complete_year(city: Quarter) -> None:
    ((vintage, base, factor),) = city.vitals.ask(
        "select vintage_date, base_year, factor from core.dim_deflators where financial_year = '2022-23'"
    )
    ((newest,),) = landed(city, "select max(vintage_date) from deflators__gdp where vintage_date <= '2026-09-30'")
    assert (vintage, base) == (newest, "2025-26")
    ((earlier, later),) = landed(
        city,
        f"""select any_value(index_value) filter (financial_year = '2022-23'),
                any_value(index_value) filter (financial_year = '2025-26')
            from deflators__gdp where vintage_date = '{newest}'""",
    )
    assert float(factor) == pytest.approx(float(later) / float(earlier), abs=1e-6)
    ((nominal, real),) = city.vitals.ask(
        "select max(numerator) filter (measure_id = 'FI06'), max(numerator) filter (measure_id = 'FI06R') "
        "from measures.measure_values join core.dim_council on root_unit_id = unit_id "
        "where basis = 'reported' and period_code = '2022-23-Q4'"
    )
    assert float(real / nominal) == pytest.approx(float(factor), abs=1e-6)


def test_every_figure_lies_in_its_interval_and_small_numbers_are_marked(city: Quarter) -> None:
    ((with_interval, outside),) = city.vitals.ask(
        "select count(interval_lower), count(*) filter (value not between interval_lower and interval_upper) "
        "from measures.measure_values"
    )
    assert with_interval > 10_000 and outside == 0
    marked = city.vitals.ask(
        "select is_small_denominator, min(denominator), max(denominator) from measures.measure_values "
        "where measure_id = 'CO02' group by 1 order by 1"
    )
    assert marked == [(False, Decimal(20), marked[0][2]), (True, Decimal(1), Decimal(19))]


def test_wards_have_figures_under_the_council_and_never_in_a_service(city: Quarter) -> None:
    units = city.vitals.ask(
        "select distinct unit_id = root_unit_id from measures.measure_values, core.dim_council where area_id <> ''"
    )
    assert units == [(True,)]
    ((wards, whole),) = city.vitals.ask(
        "select sum(numerator) filter (area_id <> ''), sum(numerator) filter (area_id = '') "
        "from measures.measure_values join core.dim_council on root_unit_id = unit_id "
        "where measure_id = 'CO07' and period_code = '2026-09'"
    )
    assert 0.5 < wards / whole < 0.9, "a part of complaints is about no property"
