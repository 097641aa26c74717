-- How the ombudsman closed each case, and whether the council did in time what was recommended.
select
    decisions.decision_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    decisions.decided_date,
    {{ month_start('decisions.decided_date') }} as decided_month,
    decisions.decision,
    decisions.is_detailed_investigation,
    decisions.decision = 'upheld' as is_upheld,
    decisions.remedy,
    decisions.remedy_gbp,
    decisions.remedy_due_date,
    {{ month_start('decisions.remedy_due_date') }} as remedy_due_month,
    decisions.remedied_date,
    coalesce(decisions.remedied_date <= decisions.remedy_due_date, false) as is_remedied_in_time,
    decisions.extract_id,
    decisions.source_row
from {{ ref('stg_complaints__ombudsman_decisions') }} as decisions
left join {{ ref('dim_units') }} as units on units.unit_id = decisions.unit_code
order by decisions.decided_date, decisions.decision_id
