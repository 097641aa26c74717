select
    area_code,
    academic_year,
    pupils,
    attainment_8,
    grade_5_english_maths_pct,
    is_provisional,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'attainment__key_stage_4') }}
