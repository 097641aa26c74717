-- Vacant posts, of the established posts, on the last day of the quarter.
select
    'HR04' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case when is_vacant then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_posts_months') }}
where is_quarter_end
