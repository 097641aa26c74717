select
    as_at_date,
    saving_id,
    title,
    unit_code,
    planned_gbp,
    delivered_gbp,
    secured_gbp,
    at_risk_gbp,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'finance__savings') }}
