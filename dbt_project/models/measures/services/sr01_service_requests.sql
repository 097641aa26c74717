-- Requests for a service, whether it should have been needed or not.
select
    'SR01' as measure_id,
    unit_id,
    area_id,
    received_month as period_start,
    1 as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_service_requests') }}
