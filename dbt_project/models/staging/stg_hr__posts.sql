select
    post_id,
    unit_code,
    established_fte,
    valid_from,
    valid_to,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'hr__posts') }}
