-- Working days lost to sickness per full-time equivalent. A month's average FTE is (start + end) / 2, and a twelfth
-- of it counts, so that twelve months add up to the average FTE of the year.
select
    'HR01' as measure_id,
    unit_id,
    '' as area_id,
    month_start as period_start,
    fte_days_lost as numerator,
    0 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_absence_months') }}

union all

select
    'HR01' as measure_id,
    unit_id,
    '' as area_id,
    month_start as period_start,
    0 as numerator,
    cast(average_fte as decimal(18, 8)) / 12 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_staff_months') }}
