-- Failure demand: requests that were only made because something had not been done, or not done right, of those that
-- somebody judged (Vanguard's terms).
select
    'SR02' as measure_id,
    unit_id,
    area_id,
    received_month as period_start,
    case when demand = 'failure' then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_service_requests') }}
where demand is not null
