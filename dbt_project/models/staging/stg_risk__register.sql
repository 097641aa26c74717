select
    risk_id,
    title,
    unit_code,
    likelihood,
    impact,
    current_score,
    target_score,
    tolerance_score,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'risk__register') }}
