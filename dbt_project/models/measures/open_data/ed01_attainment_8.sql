-- Average Attainment 8 score at the end of key stage 4, by academic year, with the pupils as its weight.
select
    'ED01' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    attainment.year_start as period_start,
    attainment.attainment_8 * attainment.pupils as numerator,
    attainment.pupils as denominator,
    attainment.is_provisional,
    attainment.extract_id,
    attainment.source_row
from {{ ref('fct_attainment') }} as attainment
inner join {{ ref('dim_council') }} as council on council.area_code = attainment.area_code
where attainment.attainment_8 is not null and attainment.pupils > 0
