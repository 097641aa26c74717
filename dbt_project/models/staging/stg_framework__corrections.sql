select
    measure_id,
    unit_id,
    period_type,
    period_start,
    corrected_on,
    reason_code,
    explanation,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__corrections') }}
