-- Working days from the receipt of a request to its completion, from end to end; it counts in the month in which it
-- was completed.
select
    'SR03' as measure_id,
    unit_id,
    area_id,
    completed_month as period_start,
    working_days_taken as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_service_requests') }}
where completed_date is not null
