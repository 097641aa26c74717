-- How each outcome's measures stand together, beside their coverage and the weakest of them.
select
    council.council_label as council,
    composite.outcome_id,
    composite.outcome_name,
    composite.period_start,
    composite.period_end,
    composite.period_code,
    composite.period_label,
    composite.score,
    composite.mean_score,
    composite.coverage_pct,
    composite.measures_scored,
    composite.measures_total,
    composite.weakest_measure_id,
    composite.weakest_score,
    measures.measure_name as weakest_measure_name
from {{ ref('composite') }} as composite
cross join {{ ref('dim_council') }} as council
left join {{ ref('dim_measures') }} as measures on measures.measure_id = composite.weakest_measure_id
order by composite.outcome_id, composite.period_start
