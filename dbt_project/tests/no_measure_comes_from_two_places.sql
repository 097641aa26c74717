-- A measure whose figure would be added up from two places: from indicators.csv or from returns although the framework
-- says something else, or from a SQL file of its id, whose source has landed, besides. What many measures divide by
-- (residents, prices) makes none.
with origins as (
    select distinct
        datasets.measure_id,
        case
            when datasets.system = 'indicators' and datasets.dataset = 'published_values' then 'indicator'
            when datasets.system = 'plan' and datasets.dataset = 'measure_values' then 'return'
            else 'model'
        end as computed_by
    from {{ ref('measure_datasets') }} as datasets
    inner join {{ ref('dim_datasets') }} as landed
        on landed.system = datasets.system and landed.dataset = datasets.dataset
    where landed.is_declared and datasets.system not in ('framework', 'population', 'deflators', 'areas')
)

select
    measures.measure_id,
    origins.computed_by as also_computed_by,
    'measures.csv: ' || measures.measure_id || ' says computed_by ' || measures.computed_by || ', but it also has '
    || case origins.computed_by
        when 'model' then 'a file in dbt_project/models/measures, whose source has landed'
        when 'indicator' then 'a row in indicators.csv'
        else 'values in returns'
    end || '. Its figure would be the sum of both: keep one, or give one another id.' as message
from {{ ref('dim_measures') }} as measures
inner join origins on origins.measure_id = measures.measure_id and origins.computed_by <> measures.computed_by
