select
    tonnages.quarter_start,
    tonnages.stream,
    tonnages.treatment,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    tonnages.tonnes,
    tonnages.is_household,
    tonnages.treatment in ('recycled', 'composted', 'reused') as is_recycled,
    tonnages.households,
    tonnages.extract_id,
    tonnages.source_row
from {{ ref('stg_waste__tonnages') }} as tonnages
left join {{ ref('dim_units') }} as units on units.unit_id = tonnages.unit_code
