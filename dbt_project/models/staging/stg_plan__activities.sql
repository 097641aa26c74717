select
    activity_id,
    title,
    outcome_id,
    unit_code,
    start_date,
    due_date,
    status,
    progress_pct,
    comment,
    _period_start as return_period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'plan__activities') }}
