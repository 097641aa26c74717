select
    neighbour_set,
    area_code,
    area_name,
    valid_from,
    valid_to
from {{ ref('stg_indicators__neighbours') }}
order by neighbour_set, area_code
