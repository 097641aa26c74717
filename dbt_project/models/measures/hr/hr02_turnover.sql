-- Leavers, of the average headcount. A twelfth of each month's average headcount counts, so that twelve months add up
-- to the average headcount of the year.
select
    'HR02' as measure_id,
    unit_id,
    '' as area_id,
    month_start as period_start,
    case when is_leaver then 1 else 0 end as numerator,
    cast(average_headcount as decimal(18, 8)) / 12 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_staff_months') }}
