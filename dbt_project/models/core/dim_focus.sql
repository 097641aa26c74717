select
    focus_id,
    outcome_id,
    domain,
    unit_id,
    valid_from,
    valid_to,
    chosen_on,
    chosen_by,
    reason
from {{ ref('stg_framework__focus') }}
order by focus_id
