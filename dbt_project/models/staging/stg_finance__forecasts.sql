select
    as_at_date,
    unit_code,
    budget_gbp,
    forecast_gbp,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'finance__forecasts') }}
