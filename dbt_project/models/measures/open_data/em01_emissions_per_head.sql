-- Greenhouse gas emissions within the council's influence (kilotonnes) per resident, by calendar year.
-- DESNZ local authority statistics: without motorways, large industrial sites, railways and land use.
select
    'EM01' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    emissions.year_start as period_start,
    emissions.emissions_ktco2e as numerator,
    emissions.population as denominator,
    false as is_provisional,
    emissions.extract_id,
    emissions.source_row
from {{ ref('fct_emissions') }} as emissions
inner join {{ ref('dim_council') }} as council on council.area_code = emissions.area_code
