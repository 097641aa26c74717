select
    unit_id,
    valid_from,
    valid_to,
    demand_measure_id,
    cost_measure_id,
    outcome_measure_id,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__service_values') }}
