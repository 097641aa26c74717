-- The date first agreed decides: a revised date does not make a late action timely.
select
    recommendations.recommendation_id,
    recommendations.audit_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    recommendations.priority,
    recommendations.agreed_date,
    recommendations.due_date,
    {{ month_start('recommendations.due_date') }} as due_month,
    recommendations.revised_due_date,
    recommendations.implemented_date,
    coalesce(recommendations.implemented_date <= recommendations.due_date, false) as is_implemented_in_time,
    recommendations.extract_id,
    recommendations.source_row
from {{ ref('stg_audit__recommendations') }} as recommendations
left join {{ ref('dim_units') }} as units on units.unit_id = recommendations.unit_code
order by recommendations.due_date, recommendations.recommendation_id
