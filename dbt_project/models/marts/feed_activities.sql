-- What the business plan and partners set out to do, and how it stands.
with newest_activities as (
    select *
    from {{ ref('fct_activities') }}
    where is_newest
),

items as (
    select
        'activity' as item_kind,
        activity_id as item_id,
        quarter_start,
        title,
        activity_id,
        outcome_id,
        unit_id,
        cast(null as string) as partner,
        status,
        progress_pct,
        start_date,
        due_date,
        cast(null as date) as revised_due_date,
        cast(null as date) as completed_date,
        cast(null as boolean) as is_met_in_time,
        comment,
        is_newest
    from {{ ref('fct_activities') }}

    union all

    select
        'milestone' as item_kind,
        milestones.milestone_id as item_id,
        milestones.quarter_start,
        milestones.title,
        milestones.activity_id,
        activities.outcome_id,
        milestones.unit_id,
        cast(null as string) as partner,
        cast(null as string) as status,
        cast(null as int) as progress_pct,
        cast(null as date) as start_date,
        milestones.due_date,
        milestones.revised_due_date,
        milestones.completed_date,
        milestones.is_met_in_time,
        cast(null as string) as comment,
        true as is_newest
    from {{ ref('fct_milestones') }} as milestones
    left join newest_activities as activities on activities.activity_id = milestones.activity_id

    union all

    select
        'partner_milestone' as item_kind,
        milestone_id as item_id,
        quarter_start,
        title,
        cast(null as string) as activity_id,
        outcome_id,
        cast(null as string) as unit_id,
        partner,
        status,
        cast(null as int) as progress_pct,
        cast(null as date) as start_date,
        due_date,
        cast(null as date) as revised_due_date,
        completed_date,
        is_met_in_time,
        cast(null as string) as comment,
        true as is_newest
    from {{ ref('fct_partner_milestones') }}
)

select
    council.council_label as council,
    items.item_kind,
    items.item_id,
    items.quarter_start,
    periods.period_label,
    items.title,
    items.activity_id,
    items.outcome_id,
    outcomes.outcome_name,
    items.unit_id,
    units.unit_name,
    items.partner,
    items.status,
    items.progress_pct,
    items.start_date,
    items.due_date,
    items.revised_due_date,
    items.completed_date,
    items.is_met_in_time,
    items.comment,
    items.is_newest
from items
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_periods') }} as periods
    on periods.period_type = 'quarter' and periods.period_start = items.quarter_start
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = items.outcome_id
left join {{ ref('dim_units') }} as units on units.unit_id = items.unit_id
where items.quarter_start <= council.reporting_period_start
order by items.item_kind, items.item_id, items.quarter_start
