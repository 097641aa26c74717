-- Greenhouse gas emissions within the council's influence in kilotonnes, by calendar year; see EM01.
select
    'EM02' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    emissions.year_start as period_start,
    emissions.emissions_ktco2e as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    emissions.extract_id,
    emissions.source_row
from {{ ref('fct_emissions') }} as emissions
inner join {{ ref('dim_council') }} as council on council.area_code = emissions.area_code
