select
    neighbour_set,
    area_code,
    area_name,
    valid_from,
    valid_to,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'indicators__neighbours') }}
