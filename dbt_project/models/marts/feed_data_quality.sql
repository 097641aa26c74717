-- How far each measure can be trusted in the reporting period, criterion by criterion.
select
    council.council_label as council,
    grades.measure_id,
    measures.measure_name,
    measures.domain,
    grades.period_start,
    grades.period_end,
    grades.criterion,
    grades.grade,
    grades.fact
from {{ ref('data_quality') }} as grades
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = grades.measure_id
cross join {{ ref('dim_council') }} as council
order by grades.measure_id, grades.criterion
