select
    lsoa_code,
    lsoa_name,
    deprivation_rank,
    deprivation_decile,
    index_year,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'areas__lsoas') }}
