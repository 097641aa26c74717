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
    valid_to,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__links') }}
