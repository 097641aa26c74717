-- Whether each source came in, how much of it was refused, and which measures it touches.
with touched as (
    select
        system,
        dataset,
        count(*) as measures,
        {{ all_of('measure_id') }} as measure_ids
    from {{ ref('measure_datasets') }}
    group by system, dataset
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
