select
    household_id,
    as_at_date,
    accommodation_type,
    placed_date,
    children,
    is_out_of_area,
    unit_code,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'housing__placements') }}
