select
    unit_id,
    valid_from,
    valid_to,
    demand_measure_id,
    cost_measure_id,
    outcome_measure_id
from {{ ref('stg_framework__service_values') }}
order by unit_id, valid_from
