-- Pupils with grade 5 or above in English and mathematics at the end of key stage 4, by academic year.
-- What is published is the rounded share: their number is worked out from it.
select
    'ED02' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    attainment.year_start as period_start,
    attainment.grade_5_english_maths_pct * attainment.pupils / 100 as numerator,
    attainment.pupils as denominator,
    attainment.is_provisional,
    attainment.extract_id,
    attainment.source_row
from {{ ref('fct_attainment') }} as attainment
inner join {{ ref('dim_council') }} as council on council.area_code = attainment.area_code
where attainment.grade_5_english_maths_pct is not null and attainment.pupils > 0
