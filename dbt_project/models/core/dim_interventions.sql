select
    intervention_id,
    measure_id,
    unit_id,
    starts_on,
    ends_on,
    title,
    hypothesis,
    expected_direction,
    rebases,
    owner,
    status
from {{ ref('stg_framework__interventions') }}
order by intervention_id
