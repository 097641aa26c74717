select
    outcome_id,
    outcome_name,
    outcome_type,
    owner,
    display_order
from {{ ref('stg_framework__outcomes') }}
order by display_order, outcome_id
