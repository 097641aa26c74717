-- The newest return that mentions a milestone says how it stands. One that was made before the milestone fell due
-- cannot tell whether it was met.
with ranked as (
    select
        *,
        row_number() over (partition by milestone_id order by return_period_start desc, source_row desc) as recency
    from {{ ref('stg_plan__milestones') }}
)

select
    milestones.milestone_id,
    milestones.activity_id,
    milestones.title,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    milestones.due_date,
    {{ month_start('milestones.due_date') }} as due_month,
    milestones.revised_due_date,
    milestones.completed_date,
    case
        when milestones.completed_date is not null then milestones.completed_date <= milestones.due_date
        when milestones.due_date <= quarters.period_end then false
    end as is_met_in_time,
    milestones.return_period_start as quarter_start,
    milestones.extract_id,
    milestones.source_row
from ranked as milestones
left join {{ ref('dim_units') }} as units on units.unit_id = milestones.unit_code
left join {{ ref('dim_periods') }} as quarters
    on quarters.period_type = 'quarter' and quarters.period_start = milestones.return_period_start
where milestones.recency = 1
order by milestones.milestone_id
