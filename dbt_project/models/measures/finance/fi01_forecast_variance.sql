-- Forecast outturn less budget, of the net budget, as forecast at a month's end.
select
    'FI01' as measure_id,
    unit_id,
    '' as area_id,
    as_at_month as period_start,
    forecast_gbp - budget_gbp as numerator,
    budget_gbp as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_forecasts') }}
