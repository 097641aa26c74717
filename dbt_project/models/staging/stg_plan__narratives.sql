select
    measure_id,
    unit_code,
    narrative,
    next_steps,
    author,
    written_date,
    _period_start as return_period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'plan__narratives') }}
