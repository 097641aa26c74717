select
    priority_id,
    unit_id,
    outcome_id,
    title,
    measure_id,
    valid_from,
    valid_to
from {{ ref('stg_framework__service_priorities') }}
order by priority_id
