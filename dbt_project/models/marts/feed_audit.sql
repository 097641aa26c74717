-- Audits with what they recommended; an audit without recommendations has one row.
select
    council.council_label as council,
    audits.audit_id,
    audits.title,
    audits.unit_id,
    units.unit_name,
    units.unit_level,
    audits.planned_date,
    audits.issued_date,
    audits.opinion,
    coalesce(actions.recommendation_id, '') as recommendation_id,
    action_units.unit_name as recommendation_unit_name,
    actions.priority,
    actions.agreed_date,
    actions.due_date,
    actions.revised_due_date,
    actions.implemented_date,
    actions.is_implemented_in_time
from {{ ref('fct_audits') }} as audits
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_units') }} as units on units.unit_id = audits.unit_id
left join {{ ref('fct_audit_recommendations') }} as actions on actions.audit_id = audits.audit_id
left join {{ ref('dim_units') }} as action_units on action_units.unit_id = actions.unit_id
order by audits.audit_id, actions.recommendation_id
