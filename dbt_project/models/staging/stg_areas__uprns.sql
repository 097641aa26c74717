select
    uprn,
    valid_from,
    valid_to,
    lsoa_code,
    ward_code,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'areas__uprns') }}
