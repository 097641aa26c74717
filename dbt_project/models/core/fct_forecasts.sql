select
    forecasts.as_at_date,
    {{ month_start('forecasts.as_at_date') }} as as_at_month,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    forecasts.budget_gbp,
    forecasts.forecast_gbp,
    forecasts.extract_id,
    forecasts.source_row
from {{ ref('stg_finance__forecasts') }} as forecasts
left join {{ ref('dim_units') }} as units on units.unit_id = forecasts.unit_code
order by forecasts.as_at_date, forecasts.unit_code
