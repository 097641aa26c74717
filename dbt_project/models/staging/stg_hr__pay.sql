select
    employee_id,
    snapshot_date,
    unit_code,
    sex,
    fte,
    hourly_pay_gbp,
    is_full_pay,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'hr__pay') }}
