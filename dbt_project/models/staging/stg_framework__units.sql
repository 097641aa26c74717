select
    unit_id,
    name as unit_name,
    level as unit_level,
    parent_unit_id,
    valid_from,
    valid_to,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__units') }}
