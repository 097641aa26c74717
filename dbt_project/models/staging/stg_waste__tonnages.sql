select
    quarter_start,
    stream,
    treatment,
    unit_code,
    tonnes,
    is_household,
    households,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'waste__tonnages') }}
