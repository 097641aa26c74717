select
    ward_code,
    ward_name,
    valid_from,
    valid_to,
    predecessor_codes,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'areas__wards') }}
