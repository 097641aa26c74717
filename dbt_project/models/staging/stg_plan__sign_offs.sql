select
    unit_code,
    stage,
    signed_off_by,
    signed_off_date,
    comment,
    _period_start as return_period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'plan__sign_offs') }}
