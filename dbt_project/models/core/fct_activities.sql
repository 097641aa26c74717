select
    activities.activity_id,
    activities.return_period_start as quarter_start,
    activities.title,
    activities.outcome_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    activities.start_date,
    activities.due_date,
    activities.status,
    activities.progress_pct,
    activities.comment,
    row_number() over (
        partition by activities.activity_id order by activities.return_period_start desc, activities.source_row desc
    ) = 1 as is_newest,
    activities.extract_id,
    activities.source_row
from {{ ref('stg_plan__activities') }} as activities
left join {{ ref('dim_units') }} as units on units.unit_id = activities.unit_code
order by activities.activity_id, activities.return_period_start
