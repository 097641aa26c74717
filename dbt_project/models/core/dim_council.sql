select
    council.council_id,
    council.council_name,
    council.council_label,
    council.is_fictional,
    council.area_code,
    council.reporting_period_start,
    council.reporting_period_end,
    council.first_period_start,
    root.unit_id as root_unit_id
from {{ source('raw', 'vitals__council') }} as council
left join {{ ref('stg_framework__units') }} as root on root.unit_level = 'council'
