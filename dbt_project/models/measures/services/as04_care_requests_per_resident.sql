-- New requests for adult social care per resident. Estimates of the population are totals without ages, so that all
-- residents stand for adults.
select
    'AS04' as measure_id,
    unit_id,
    '' as area_id,
    received_month as period_start,
    1 as numerator,
    0 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_care_requests') }}

union all

{{ residents_of_quarters('AS04', 'social_care', 'requests') }}
