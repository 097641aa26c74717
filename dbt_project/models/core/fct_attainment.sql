select
    area_code,
    academic_year,
    make_date(cast(substring(academic_year, 1, 4) as int), 9, 1) as year_start,
    pupils,
    attainment_8,
    grade_5_english_maths_pct,
    is_provisional,
    extract_id,
    source_row
from {{ ref('stg_attainment__key_stage_4') }}
order by area_code, academic_year
