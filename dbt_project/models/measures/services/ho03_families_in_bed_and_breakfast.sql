-- Families in bed and breakfast for more than six weeks on the day of the count: every household placed counts, as 0
-- where it is no such family, so that a quarter without any reads 0.
select
    'HO03' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case
        when accommodation_type = 'bed_and_breakfast' and children > 0 and is_over_six_weeks then 1
        else 0
    end as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_temporary_accommodation') }}
