-- Household waste sent for reuse, recycling or composting, of all household waste, in tonnes (national indicator 192).
select
    'WA01' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case when is_recycled then tonnes else 0 end as numerator,
    tonnes as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_waste_tonnages') }}
where is_household
