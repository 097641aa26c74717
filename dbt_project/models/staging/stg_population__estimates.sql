select
    area_code,
    mid_year,
    population,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'population__estimates') }}
