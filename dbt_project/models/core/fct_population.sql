select
    area_code,
    mid_year,
    make_date(mid_year, 6, 30) as estimate_date,
    population,
    extract_id,
    source_row
from {{ ref('stg_population__estimates') }}
order by area_code, mid_year
