select
    area_code,
    calendar_year,
    emissions_ktco2e,
    population,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'emissions__local_authority') }}
