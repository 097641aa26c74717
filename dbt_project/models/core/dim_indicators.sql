select
    measure_id,
    indicator,
    published_measure,
    published_unit,
    value_name,
    neighbour_set
from {{ ref('stg_framework__indicators') }}
order by measure_id, indicator
