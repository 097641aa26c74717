select
    focus_id,
    outcome_id,
    domain,
    unit_id,
    valid_from,
    valid_to,
    chosen_on,
    chosen_by,
    reason,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__focus') }}
