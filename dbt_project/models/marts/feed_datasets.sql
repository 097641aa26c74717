-- Whether each source came in, how much of it was refused, and which measures it touches.
with touched as (
    select
        needed.system,
        needed.dataset,
        count(*) as measures,
        {{ all_of('needed.measure_id') }} as measure_ids
    from {{ ref('measure_datasets') }} as needed
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = needed.measure_id
    group by needed.system, needed.dataset
)

select
    council.council_label as council,
    datasets.system,
    datasets.dataset,
    datasets.owner,
    datasets.load,
    datasets.required_for_release,
    datasets.is_declared,
    datasets.last_period_start,
    datasets.last_extracted_on,
    datasets.row_count,
    datasets.rejected_count,
    datasets.is_missing,
    datasets.reason,
    coalesce(touched.measures, 0) as measures,
    coalesce(touched.measure_ids, '') as measure_ids
from {{ ref('dim_datasets') }} as datasets
cross join {{ ref('dim_council') }} as council
left join touched on touched.system = datasets.system and touched.dataset = datasets.dataset
where datasets.is_declared or touched.measures is not null
order by datasets.system, datasets.dataset
