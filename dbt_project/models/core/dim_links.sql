select
    link_id,
    driver_measure_id,
    response_measure_id,
    unit_level,
    period_type,
    lag_periods,
    expected_sign,
    rationale,
    valid_from,
    valid_to
from {{ ref('stg_framework__links') }}
order by link_id
