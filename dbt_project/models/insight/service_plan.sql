-- What a service has set out to do, beside how it stands: its priorities, the activities and milestones of the newest
-- return, its measures with their newest figures, and its cost against budget: rows of one shape.
{%- set columns = [
    ('outcome_id', 'string'), ('title', 'string'), ('belongs_to', 'string'), ('measure_id', 'string'),
    ('status', 'string'), ('start_date', 'date'), ('due_date', 'date'), ('revised_due_date', 'date'),
    ('completed_date', 'date'), ('progress_pct', 'int'), ('period_end', 'date'), ('period_label', 'string'),
    ('value', 'decimal(18, 4)'), ('value_unit', 'string'), ('target', 'decimal(18, 4)'), ('is_provisional', 'boolean'),
    ('budget_gbp', 'decimal(18, 2)'), ('forecast_gbp', 'decimal(18, 2)'), ('spent_gbp', 'decimal(18, 2)'),
    ('figure_unit_id', 'string'), ('note', 'string'),
] %}
{%- set of_figures = [
    'period_end', 'period_label', 'value', 'value_unit', 'target', 'is_provisional', 'figure_unit_id', 'note',
] %}
{#- Kind of item, where its rows are, and which of the columns they have; the others are null. -#}
{%- set kinds = [
    ('priority', 'priorities', ['outcome_id', 'title', 'measure_id', 'status', 'start_date', 'due_date'] + of_figures),
    ('activity', 'activities', ['outcome_id', 'title', 'status', 'start_date', 'due_date', 'progress_pct',
        'period_end', 'period_label', 'note']),
    ('milestone', 'milestones', ['outcome_id', 'title', 'belongs_to', 'status', 'due_date', 'revised_due_date',
        'completed_date', 'period_end', 'period_label']),
    ('measure', 'measures_of_units', ['outcome_id', 'title', 'measure_id', 'status'] + of_figures),
    ('cost', 'costs', ['title', 'status', 'start_date', 'due_date', 'period_end', 'budget_gbp', 'forecast_gbp',
        'spent_gbp']),
] %}
with figures as (
    select
        measure_id as item_id,
        unit_id,
        outcome_id,
        measure_name as title,
        measure_id,
        state as status,
        period_end,
        period_label,
        value,
        value_unit,
        target,
        is_provisional,
        unit_id as figure_unit_id,
        sentence as note
    from {{ ref('current_figures') }}
    where unit_level <> 'unassigned'
),

measures_of_units as (
    select figures.*
    from figures
    inner join {{ ref('dim_council') }} as council on figures.unit_id <> council.root_unit_id
),

-- The measure of a priority that nobody counts for the service itself has the figure of the nearest unit above it.
measured_priorities as (
    select
        priorities.priority_id as item_id,
        priorities.unit_id,
        priorities.outcome_id,
        priorities.title,
        priorities.measure_id,
        figures.status,
        priorities.valid_from as start_date,
        priorities.valid_to as due_date,
        figures.period_end,
        figures.period_label,
        figures.value,
        figures.value_unit,
        figures.target,
        figures.is_provisional,
        figures.figure_unit_id,
        figures.note,
        row_number() over (
            partition by priorities.priority_id order by figures.unit_id is null, above.depth
        ) as nearness
    from {{ ref('dim_service_priorities') }} as priorities
    inner join {{ ref('dim_council') }} as council
        on
            priorities.valid_from <= council.reporting_period_end
            and coalesce(priorities.valid_to >= council.reporting_period_start, true)
    left join {{ ref('bridge_unit_ancestors') }} as above on above.unit_id = priorities.unit_id
    left join figures
        on figures.measure_id = priorities.measure_id and figures.unit_id = above.ancestor_unit_id
),

priorities as (
    select *
    from measured_priorities
    where nearness = 1
),

-- The newest return that speaks of a unit, not later than the reporting period.
returned_activities as (
    select
        activities.*,
        max(activities.quarter_start) over (partition by activities.unit_id) as newest_quarter
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('dim_council') }} as council on activities.quarter_start <= council.reporting_period_start
),

activities as (
    select
        activities.activity_id as item_id,
        activities.quarter_start,
        activities.unit_id,
        activities.outcome_id,
        activities.title,
        activities.status,
        activities.start_date,
        activities.due_date,
        activities.progress_pct,
        quarters.period_end,
        quarters.period_label,
        activities.comment as note
    from returned_activities as activities
    inner join {{ ref('dim_periods') }} as quarters
        on quarters.period_type = 'quarter' and quarters.period_start = activities.quarter_start
    where activities.quarter_start = activities.newest_quarter
),

milestones as (
    select
        milestones.milestone_id as item_id,
        milestones.unit_id,
        activities.outcome_id,
        milestones.title,
        milestones.activity_id as belongs_to,
        case
            when milestones.is_met_in_time then 'met_in_time'
            when milestones.completed_date is not null then 'met_late'
            when not milestones.is_met_in_time then 'overdue'
            else 'not_due'
        end as status,
        milestones.due_date,
        milestones.revised_due_date,
        milestones.completed_date,
        activities.period_end,
        activities.period_label
    from {{ ref('fct_milestones') }} as milestones
    inner join activities
        on activities.item_id = milestones.activity_id and activities.quarter_start = milestones.quarter_start
),

year_of_report as (
    select
        years.period_start,
        years.period_end,
        years.period_code,
        years.period_label,
        council.reporting_period_start,
        council.reporting_period_end
    from {{ ref('dim_council') }} as council
    inner join {{ ref('dim_periods') }} as years
        on
            years.period_type = 'financial_year'
            and council.reporting_period_end between years.period_start and years.period_end
),

forecasts as (
    select
        forecasts.unit_id,
        forecasts.as_at_date,
        sum(forecasts.budget_gbp) as budget_gbp,
        sum(forecasts.forecast_gbp) as forecast_gbp,
        row_number() over (partition by forecasts.unit_id order by forecasts.as_at_date desc) as recency
    from {{ ref('fct_forecasts') }} as forecasts
    inner join year_of_report
        on forecasts.as_at_date between year_of_report.reporting_period_start and year_of_report.reporting_period_end
    group by forecasts.unit_id, forecasts.as_at_date
),

budgets as (
    select
        budgets.unit_code as unit_id,
        sum(budgets.net_budget_gbp) as budget_gbp
    from {{ ref('stg_finance__budgets') }} as budgets
    inner join year_of_report on year_of_report.period_code = budgets.financial_year
    group by budgets.unit_code
),

spending as (
    select
        ledger.unit_id,
        sum(ledger.amount_gbp) as spent_gbp
    from {{ ref('fct_ledger') }} as ledger
    inner join year_of_report
        on ledger.posted_date between year_of_report.period_start and year_of_report.reporting_period_end
    group by ledger.unit_id
),

costs as (
    select
        units.unit_id,
        year_of_report.period_code as item_id,
        'Net cost ' || year_of_report.period_label as title,
        case
            when forecasts.forecast_gbp > forecasts.budget_gbp then 'over_budget'
            when forecasts.forecast_gbp is not null then 'within_budget'
        end as status,
        year_of_report.period_start as start_date,
        year_of_report.period_end as due_date,
        coalesce(forecasts.as_at_date, year_of_report.reporting_period_end) as period_end,
        coalesce(forecasts.budget_gbp, budgets.budget_gbp) as budget_gbp,
        forecasts.forecast_gbp,
        spending.spent_gbp
    from {{ ref('dim_units') }} as units
    cross join year_of_report
    left join forecasts on forecasts.unit_id = units.unit_id and forecasts.recency = 1
    left join budgets on budgets.unit_id = units.unit_id
    left join spending on spending.unit_id = units.unit_id
    where coalesce(forecasts.budget_gbp, budgets.budget_gbp) is not null
),

items as (
    {%- for kind, relation, given in kinds %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        '{{ kind }}' as item_kind,
        {{ loop.index }} as kind_order,
        {%- for name, type in columns %}
        cast({{ name if name in given else 'null' }} as {{ type }}) as {{ name }},
        {%- endfor %}
        item_id,
        unit_id
    from {{ relation }}
    {%- endfor %}
)

select
    units.unit_id,
    units.unit_name,
    units.unit_level,
    items.item_kind,
    items.kind_order,
    items.item_id,
    items.outcome_id,
    items.title,
    items.belongs_to,
    items.measure_id,
    items.status,
    items.start_date,
    items.due_date,
    items.revised_due_date,
    items.completed_date,
    items.progress_pct,
    items.period_end,
    items.period_label,
    items.value,
    items.value_unit,
    items.target,
    items.is_provisional,
    items.budget_gbp,
    items.forecast_gbp,
    items.spent_gbp,
    items.figure_unit_id,
    items.note
from items
inner join {{ ref('dim_units') }} as units on units.unit_id = items.unit_id
order by units.unit_id, items.kind_order, items.item_id
