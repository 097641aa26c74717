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
    status,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__interventions') }}
