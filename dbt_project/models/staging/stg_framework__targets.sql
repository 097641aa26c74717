select
    measure_id,
    unit_id,
    valid_from,
    valid_to,
    target,
    tolerance,
    rationale,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__targets') }}
