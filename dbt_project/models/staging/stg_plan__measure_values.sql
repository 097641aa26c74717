select
    measure_id,
    unit_code,
    period_start,
    numerator,
    denominator,
    value,
    is_provisional,
    missing_reason,
    _period_start as return_period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'plan__measure_values') }}
