select
    area_code,
    calendar_year,
    make_date(calendar_year, 1, 1) as year_start,
    emissions_ktco2e,
    population,
    extract_id,
    source_row
from {{ ref('stg_emissions__local_authority') }}
order by area_code, calendar_year
