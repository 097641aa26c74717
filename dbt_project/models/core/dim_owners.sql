select
    owner,
    unit_id,
    valid_from,
    valid_to
from {{ ref('stg_framework__owners') }}
order by owner, valid_from
