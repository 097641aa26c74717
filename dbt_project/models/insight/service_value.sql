-- How much, at what cost, for what: each service that declares the three measures, year by year. Numerators and
-- denominators of a year's quarters are added up; a yearly figure stands for its year, and of a point in time the last
-- quarter of the year. A year that is not over yet counts the quarters there are.
with services as (
    select
        services.unit_id,
        units.unit_name,
        services.demand_measure_id,
        services.cost_measure_id,
        services.outcome_measure_id,
        years.period_start,
        years.period_end,
        years.period_code,
        years.period_label,
        years.period_end <= council.reporting_period_end as is_complete
    from {{ ref('dim_service_values') }} as services
    inner join {{ ref('dim_units') }} as units on units.unit_id = services.unit_id
    cross join {{ ref('dim_council') }} as council
    inner join {{ ref('dim_periods') }} as years
        on
            years.period_type = 'financial_year'
            and years.period_end >= council.first_period_start
            and years.period_start <= council.reporting_period_end
            and services.valid_from <= years.period_end
            and coalesce(services.valid_to, years.period_end) >= years.period_end
),

-- A rolling figure repeats the quarters before: the quarter alone stands for it.
figures as (
    select
        figures.measure_id,
        figures.unit_id,
        figures.period_type,
        figures.period_end,
        figures.numerator,
        figures.denominator,
        figures.value,
        figures.is_provisional,
        row_number() over (
            partition by figures.measure_id, figures.unit_id, figures.period_type, figures.period_start
            order by figures.basis asc
        ) as place
    from {{ ref('measure_values') }} as figures
    where figures.area_id = '' and figures.period_type <> 'month'
),

wanted as (
    select distinct
        unit_id,
        demand_measure_id as measure_id,
        period_start,
        period_end
    from services

    union

    select distinct
        unit_id,
        cost_measure_id as measure_id,
        period_start,
        period_end
    from services

    union

    select distinct
        unit_id,
        outcome_measure_id as measure_id,
        period_start,
        period_end
    from services
),

of_year as (
    select
        wanted.unit_id,
        wanted.measure_id,
        wanted.period_start,
        figures.period_type,
        figures.numerator,
        figures.denominator,
        figures.value,
        figures.is_provisional,
        measures.multiplier,
        measures.decimal_places,
        measures.accumulation,
        row_number() over (
            partition by wanted.unit_id, wanted.measure_id, wanted.period_start
            order by case figures.period_type when 'quarter' then 2 else 1 end, figures.period_end desc
        ) as place
    from wanted
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = wanted.measure_id
    inner join figures
        on
            figures.measure_id = wanted.measure_id
            and figures.unit_id = wanted.unit_id
            and figures.period_end between wanted.period_start and wanted.period_end
            and figures.place = 1
),

whole as (
    select
        unit_id,
        measure_id,
        period_start,
        count(*) as periods,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        max(case when is_provisional then 1 else 0 end) = 1 as is_provisional,
        {{ measure_value('sum(numerator)', 'sum(denominator)', 'max(multiplier)', 'max(decimal_places)') }} as value
    from of_year
    where (period_type = 'quarter' and accumulation <> 'point_in_time') or place = 1
    group by unit_id, measure_id, period_start
)

select
    services.unit_id,
    services.unit_name,
    services.period_start,
    services.period_end,
    services.period_code,
    services.period_label,
    services.is_complete,
    services.demand_measure_id,
    cast(demand.numerator as decimal(18, 2)) as demand,
    services.cost_measure_id,
    cast(cost.numerator as decimal(18, 2)) as spend_gbp,
    cast(
        cast(cost.numerator as double) * cast(deflators.factor as double) as decimal(18, 2)
    ) as spend_real_gbp,
    cost_measures.denominator_label as unit_of_cost,
    cost.value as unit_cost_gbp,
    cast(cast(cost.value as double) * cast(deflators.factor as double) as decimal(18, 2)) as unit_cost_real_gbp,
    cast(
        cast(cost.numerator as double) / nullif(cast(demand.numerator as double), 0) as decimal(18, 2)
    ) as spend_per_demand_gbp,
    deflators.base_year as price_year,
    deflators.vintage_date as deflator_vintage_date,
    coalesce(deflators.is_forecast, false) as is_deflator_forecast,
    services.outcome_measure_id,
    outcome.value as outcome_value,
    coalesce(demand.is_provisional, false)
    or coalesce(cost.is_provisional, false)
    or coalesce(outcome.is_provisional, false) as is_provisional
from services
left join whole as demand
    on
        demand.unit_id = services.unit_id
        and demand.measure_id = services.demand_measure_id
        and demand.period_start = services.period_start
left join whole as cost
    on
        cost.unit_id = services.unit_id
        and cost.measure_id = services.cost_measure_id
        and cost.period_start = services.period_start
left join whole as outcome
    on
        outcome.unit_id = services.unit_id
        and outcome.measure_id = services.outcome_measure_id
        and outcome.period_start = services.period_start
left join {{ ref('dim_measures') }} as cost_measures on cost_measures.measure_id = services.cost_measure_id
left join {{ ref('dim_deflators') }} as deflators on deflators.year_start = services.period_start
order by services.unit_id, services.period_start
