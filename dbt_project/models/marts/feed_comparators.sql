-- The same published table for the council, its neighbours and England, in the periods of that table.
select
    council.council_label as council,
    published.measure_id,
    measures.measure_name,
    coalesce(published.neighbour_set, '') as neighbour_set,
    published.area_code,
    published.area_name,
    published.area_role = 'own' as is_own_area,
    'other' as period_type,
    published.period_start,
    published.period_end,
    published.period_text as period_label,
    {{ round_to('published.value', 'measures.decimal_places') }} as value,
    measures.value_unit
from {{ ref('fct_indicator_values') }} as published
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = published.measure_id
inner join {{ ref('dim_council') }} as council on published.period_end <= council.reporting_period_end
where published.exclusion_reason is null
order by published.measure_id, published.area_code, published.period_start, published.period_end
