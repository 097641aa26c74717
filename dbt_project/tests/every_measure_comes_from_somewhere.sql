-- A measure in force of which the framework says how it is computed, and that nothing computes so: no SQL file of its
-- id, no row in indicators.csv, no value in any return. It would stand on the page without a figure, for ever.
{{ config(severity='warn') }}
with origins as (
    select distinct
        measure_id,
        case
            when system = 'indicators' and dataset = 'published_values' then 'indicator'
            when system = 'plan' and dataset = 'measure_values' then 'return'
            else 'model'
        end as computed_by
    from {{ ref('measure_datasets') }}
)

select
    measures.measure_id,
    measures.computed_by,
    'measures.csv: ' || measures.measure_id || ' says computed_by ' || measures.computed_by || ', but '
    || case measures.computed_by
        when 'model' then 'no file in dbt_project/models/measures begins with its id.'
        when 'indicator' then 'indicators.csv has no row for it.'
        else 'no return has ever had a value of it.'
    end || ' Add one, or say what else gives its figures.' as message
from {{ ref('dim_measures') }} as measures
inner join {{ ref('dim_council') }} as council
    on
        measures.valid_from <= council.reporting_period_end
        and coalesce(measures.valid_to >= council.reporting_period_end, true)
left join origins on origins.measure_id = measures.measure_id and origins.computed_by = measures.computed_by
where measures.computed_by is not null and origins.measure_id is null
