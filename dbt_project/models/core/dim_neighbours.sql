select
    neighbour_set,
    area_code,
    area_name
from {{ ref('stg_indicators__neighbours') }}
order by neighbour_set, area_code
