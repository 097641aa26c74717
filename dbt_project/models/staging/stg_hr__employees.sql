select
    employee_id,
    unit_code,
    post_id,
    fte,
    start_date,
    leave_date,
    leaving_reason,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'hr__employees') }}
