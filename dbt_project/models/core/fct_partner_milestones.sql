-- The newest quarter in which a milestone was reported says how it stands; once it is long done it is reported no more.
with ranked as (
    select
        *,
        row_number() over (partition by milestone_id order by period_start desc, source_row desc) as recency
    from {{ ref('stg_plan__partner_milestones') }}
)

select
    milestones.milestone_id,
    milestones.title,
    milestones.outcome_id,
    milestones.partner,
    milestones.due_date,
    {{ month_start('milestones.due_date') }} as due_month,
    milestones.status,
    milestones.completed_date,
    case
        when milestones.completed_date is not null then milestones.completed_date <= milestones.due_date
        when milestones.due_date <= quarters.period_end then false
    end as is_met_in_time,
    milestones.period_start as quarter_start,
    milestones.extract_id,
    milestones.source_row
from ranked as milestones
left join {{ ref('dim_periods') }} as quarters
    on quarters.period_type = 'quarter' and quarters.period_start = milestones.period_start
where milestones.recency = 1
order by milestones.milestone_id
