select
    owner,
    unit_id,
    valid_from,
    valid_to,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__owners') }}
