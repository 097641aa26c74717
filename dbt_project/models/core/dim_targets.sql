select
    measure_id,
    unit_id,
    valid_from,
    valid_to,
    target,
    tolerance,
    rationale
from {{ ref('stg_framework__targets') }}
order by measure_id, unit_id, valid_from
