-- Themes or purposes, and how many measures tell of them.
select
    council.council_label as council,
    outcomes.outcome_id,
    outcomes.outcome_name,
    outcomes.outcome_type,
    outcomes.owner,
    outcomes.display_order,
    count(measures.measure_id) as measures,
    count(case when measures.measure_type = 'strategic' then 1 end) as strategic_measures
from {{ ref('dim_outcomes') }} as outcomes
cross join {{ ref('dim_council') }} as council
left join {{ ref('dim_measures') }} as measures
    on
        measures.outcome_id = outcomes.outcome_id
        and measures.valid_from <= council.reporting_period_end
        and coalesce(measures.valid_to, council.reporting_period_start) >= council.reporting_period_start
group by
    council.council_label,
    outcomes.outcome_id,
    outcomes.outcome_name,
    outcomes.outcome_type,
    outcomes.owner,
    outcomes.display_order
order by outcomes.display_order, outcomes.outcome_id
