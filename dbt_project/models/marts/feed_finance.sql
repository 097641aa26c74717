-- Budget, forecast and savings of each unit as they stood at every month end.
with rows_of_both as (
    select
        unit_id,
        as_at_date,
        budget_gbp,
        forecast_gbp,
        null as planned_gbp,
        null as delivered_gbp,
        null as secured_gbp,
        null as at_risk_gbp
    from {{ ref('fct_forecasts') }}

    union all

    select
        unit_id,
        as_at_date,
        null as budget_gbp,
        null as forecast_gbp,
        planned_gbp,
        delivered_gbp,
        secured_gbp,
        at_risk_gbp
    from {{ ref('fct_savings') }}
),

amounts as (
    select
        unit_id,
        as_at_date,
        cast(sum(budget_gbp) as decimal(18, 2)) as budget_gbp,
        cast(sum(forecast_gbp) as decimal(18, 2)) as forecast_gbp,
        cast(sum(planned_gbp) as decimal(18, 2)) as planned_gbp,
        cast(sum(delivered_gbp) as decimal(18, 2)) as delivered_gbp,
        cast(sum(secured_gbp) as decimal(18, 2)) as secured_gbp,
        cast(sum(at_risk_gbp) as decimal(18, 2)) as at_risk_gbp
    from rows_of_both
    group by unit_id, as_at_date
)

select
    council.council_label as council,
    amounts.unit_id,
    units.unit_name,
    units.unit_level,
    amounts.as_at_date,
    years.period_label as financial_year_label,
    amounts.budget_gbp,
    amounts.forecast_gbp,
    cast(amounts.forecast_gbp - amounts.budget_gbp as decimal(18, 2)) as variance_gbp,
    amounts.planned_gbp as savings_planned_gbp,
    amounts.delivered_gbp as savings_delivered_gbp,
    amounts.secured_gbp as savings_secured_gbp,
    amounts.at_risk_gbp as savings_at_risk_gbp
from amounts
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_units') }} as units on units.unit_id = amounts.unit_id
inner join {{ ref('dim_periods') }} as years
    on years.period_type = 'financial_year' and amounts.as_at_date between years.period_start and years.period_end
where amounts.as_at_date <= council.reporting_period_end
order by amounts.unit_id, amounts.as_at_date
