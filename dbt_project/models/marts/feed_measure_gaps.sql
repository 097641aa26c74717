-- Why there is no figure where one was expected.
select
    council.council_label as council,
    gaps.measure_id,
    measures.measure_name,
    gaps.unit_id,
    units.unit_name,
    units.unit_level,
    gaps.period_type,
    gaps.period_start,
    gaps.period_code,
    gaps.period_label,
    gaps.missing_reason
from {{ ref('measure_gaps') }} as gaps
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = gaps.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = gaps.unit_id
order by gaps.measure_id, gaps.unit_id, gaps.period_start
