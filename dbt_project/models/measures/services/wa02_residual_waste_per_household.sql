-- Household waste that was not reused, recycled or composted, in kilograms per household (national indicator 191). The
-- dwellings stand on every row of a quarter and are the same ones: they count once, with the first row.
with numbered as (
    select
        *,
        row_number() over (partition by quarter_start order by extract_id, source_row) as place
    from {{ ref('fct_waste_tonnages') }}
    where is_household
)

select
    'WA02' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case when is_recycled then 0 else 1000 * tonnes end as numerator,
    case when place = 1 then households else 0 end as denominator,
    false as is_provisional,
    extract_id,
    source_row
from numbered
