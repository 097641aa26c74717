-- What each service set out to do beside how it stands.
select
    council.council_label as council,
    plan.unit_id,
    plan.unit_name,
    plan.unit_level,
    plan.item_kind,
    plan.kind_order,
    plan.item_id,
    plan.outcome_id,
    plan.title,
    plan.belongs_to,
    plan.measure_id,
    plan.status,
    plan.start_date,
    plan.due_date,
    plan.revised_due_date,
    plan.completed_date,
    plan.progress_pct,
    plan.period_end,
    plan.period_label,
    plan.value,
    plan.value_unit,
    plan.target,
    plan.is_provisional,
    plan.budget_gbp,
    plan.forecast_gbp,
    plan.spent_gbp,
    plan.figure_unit_id,
    plan.note,
    outcomes.outcome_name
from {{ ref('service_plan') }} as plan
cross join {{ ref('dim_council') }} as council
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = plan.outcome_id
order by plan.unit_id, plan.kind_order, plan.item_id
