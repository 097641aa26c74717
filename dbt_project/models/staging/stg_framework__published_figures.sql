select
    publication,
    measure_id,
    unit_id,
    period_type,
    period_start,
    value,
    published_on,
    is_provisional,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__published_figures') }}
