-- A portfolio that a measure in force belongs to and that nobody holds on the last day of the reporting period.
{{ config(severity='warn') }}
select
    measures.measure_id,
    measures.portfolio_id,
    'measures.csv: ' || measures.measure_id || ' belongs to the portfolio ' || measures.portfolio_id
    || ', which nobody holds on the last day of the reporting period. Add a row to portfolios.csv.' as message
from {{ ref('dim_measures') }} as measures
inner join {{ ref('dim_council') }} as council on coalesce(measures.valid_to >= council.reporting_period_end, true)
left join {{ ref('dim_portfolios') }} as portfolios
    on
        portfolios.portfolio_id = measures.portfolio_id
        and portfolios.valid_from <= council.reporting_period_end
        and coalesce(portfolios.valid_to >= council.reporting_period_end, true)
where measures.portfolio_id is not null and portfolios.portfolio_id is null
