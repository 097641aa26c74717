select
    outcome_id,
    name as outcome_name,
    outcome_type,
    owner,
    display_order,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__outcomes') }}
