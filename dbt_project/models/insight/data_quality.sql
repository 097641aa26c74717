-- Six tests of each measure in force, graded A to D from what the pipeline itself knows. The thresholds stand here and
-- are told in docs/insight.md. That no check of error severity failed is not graded: nothing is published otherwise.
{% set days_of_grace = 10 %}
{% set working_days_of_year = 253 %}

with measures as (
    select
        measures.measure_id,
        measures.outcome_id,
        measures.measure_type,
        measures.measure_description,
        measures.numerator_label,
        measures.denominator_label,
        measures.value_unit,
        measures.polarity,
        measures.decimal_places,
        measures.owner,
        measures.frequency,
        measures.due_working_days,
        coalesce(measures.computed_by, 'model') as computed_by,
        coalesce(measures.is_standing, false) as is_standing,
        council.reporting_period_start as period_start,
        council.reporting_period_end as period_end
    from {{ ref('dim_measures') }} as measures
    cross join {{ ref('dim_council') }} as council
    where
        measures.valid_from <= council.reporting_period_end
        and coalesce(measures.valid_to, council.reporting_period_end) >= council.reporting_period_end
),

targeted as (
    select
        measures.measure_id,
        count(distinct targets.unit_id) as units
    from measures
    inner join {{ ref('dim_targets') }} as targets
        on
            targets.measure_id = measures.measure_id
            and measures.period_end >= targets.valid_from
            and measures.period_end <= coalesce(targets.valid_to, measures.period_end)
    group by measures.measure_id
),

prioritised as (
    select
        measures.measure_id,
        count(distinct priorities.priority_id) as priorities
    from measures
    inner join {{ ref('dim_service_priorities') }} as priorities
        on
            priorities.measure_id = measures.measure_id
            and measures.period_end >= priorities.valid_from
            and measures.period_end <= coalesce(priorities.valid_to, measures.period_end)
    group by measures.measure_id
),

-- A measure's periods that have a figure, of whichever unit.
periods_with_figure as (
    select
        figures.measure_id,
        figures.period_type,
        figures.period_start,
        max(figures.period_end) as period_end,
        max(case when figures.is_provisional then 1 else 0 end) as provisional,
        max(case when figures.denominator is null then 0 else 1 end) as divided
    from {{ ref('measure_values') }} as figures
    inner join measures
        on measures.measure_id = figures.measure_id and figures.period_type in (measures.frequency, 'other')
    where figures.basis = 'reported' and figures.area_id = ''
    group by figures.measure_id, figures.period_type, figures.period_start
),

figures as (
    select
        measure_id,
        count(*) as present,
        max(period_end) as newest_end,
        max(divided) as divided
    from periods_with_figure
    group by measure_id
),

spans as (
    select
        measure_id,
        period_type,
        min(period_start) as first_start,
        max(period_start) as last_start
    from periods_with_figure
    group by measure_id, period_type
),

expectations as (
    select
        spans.measure_id,
        count(*) as expected
    from spans
    inner join {{ ref('dim_periods') }} as periods
        on
            periods.period_type = spans.period_type
            and periods.period_start between spans.first_start and spans.last_start
    group by spans.measure_id
),

provisional as (
    select distinct periods_with_figure.measure_id
    from periods_with_figure
    inner join figures
        on
            figures.measure_id = periods_with_figure.measure_id
            and figures.newest_end = periods_with_figure.period_end
    where periods_with_figure.provisional = 1
),

restated as (
    select
        measure_id,
        count(*) as restatements,
        sum(case when is_unexplained then 1 else 0 end) as unexplained,
        max(abs(change)) as largest
    from {{ ref('restatements') }}
    where basis = 'reported'
    group by measure_id
),

landed as (
    select
        measure_datasets.measure_id,
        max(datasets.last_extracted_on) as landed_on,
        sum(datasets.row_count) as row_count,
        sum(datasets.rejected_count) as rejected_count,
        max(case when datasets.is_missing then datasets.system || '/' || datasets.dataset end) as missing_dataset
    from {{ ref('measure_datasets') }} as measure_datasets
    inner join {{ ref('dim_datasets') }} as datasets
        on
            datasets.system = measure_datasets.system
            and datasets.dataset = measure_datasets.dataset
            and datasets.is_declared
    where measure_datasets.system <> 'framework'
    group by measure_datasets.measure_id
),

traced as (
    select
        measure_id,
        sum(row_count) as rows_counted
    from {{ ref('measure_components') }}
    group by measure_id
),

-- What was signed off for the reporting period above the post that owns the measure.
signed as (
    select
        measures.measure_id,
        count(distinct sign_offs.stage) as stages,
        max(
            case
                when sign_offs.stage in ('cabinet_member_briefing', 'leadership_board', 'cabinet', 'scrutiny') then 1
                else 0
            end
        ) as outside_directorate
    from measures
    inner join {{ ref('dim_owners') }} as owners
        on
            owners.owner = measures.owner
            and measures.period_end >= owners.valid_from
            and measures.period_end <= coalesce(owners.valid_to, measures.period_end)
    inner join {{ ref('bridge_unit_ancestors') }} as units on units.unit_id = owners.unit_id
    inner join {{ ref('fct_sign_offs') }} as sign_offs
        on
            sign_offs.unit_id = units.ancestor_unit_id
            and sign_offs.quarter_start = measures.period_start
            and sign_offs.signed_off_date is not null
    group by measures.measure_id
),

owners_in_force as (
    select distinct measures.measure_id
    from measures
    inner join {{ ref('dim_owners') }} as owners
        on
            owners.owner = measures.owner
            and measures.period_end >= owners.valid_from
            and measures.period_end <= coalesce(owners.valid_to, measures.period_end)
),

gathered as (
    select
        measures.*,
        outcomes.outcome_name,
        coalesce(targeted.units, 0) as targets,
        coalesce(prioritised.priorities, 0) as priorities,
        coalesce(figures.present, 0) as present,
        coalesce(expectations.expected, figures.present, 0) as expected,
        figures.newest_end,
        figures.divided,
        provisional.measure_id is not null as is_newest_provisional,
        coalesce(restated.restatements, 0) as restatements,
        coalesce(restated.unexplained, 0) as unexplained,
        restated.largest,
        landed.landed_on,
        landed.row_count,
        landed.rejected_count,
        landed.missing_dataset,
        coalesce(traced.rows_counted, 0) as rows_counted,
        coalesce(signed.stages, 0) as stages,
        coalesce(signed.outside_directorate, 0) as outside_directorate,
        case when measures.measure_description is null then ', definition' else '' end
        || case
            when measures.numerator_label is null and measures.computed_by <> 'indicator' then ', numerator' else ''
        end
        || case when measures.denominator_label is null and figures.divided = 1 and measures.computed_by <> 'indicator'
                then ', denominator'
            else ''
        end
        || case when measures.value_unit is null then ', unit' else '' end
        || case when measures.polarity is null then ', polarity' else '' end
        || case
            when measures.owner is null then ', owner'
            when owners_in_force.measure_id is null then ', owner in post'
            else ''
        end as lacking,
        period_day.working_day_number as period_end_number,
        landing_day.working_day_number as landed_number,
        next_day.working_day_number as next_end_number
    from measures
    left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = measures.outcome_id
    left join targeted on targeted.measure_id = measures.measure_id
    left join prioritised on prioritised.measure_id = measures.measure_id
    left join figures on figures.measure_id = measures.measure_id
    left join expectations on expectations.measure_id = measures.measure_id
    left join provisional on provisional.measure_id = measures.measure_id
    left join restated on restated.measure_id = measures.measure_id
    left join landed on landed.measure_id = measures.measure_id
    left join traced on traced.measure_id = measures.measure_id
    left join signed on signed.measure_id = measures.measure_id
    left join owners_in_force on owners_in_force.measure_id = measures.measure_id
    left join {{ ref('dim_days') }} as period_day on period_day.day_date = measures.period_end
    left join {{ ref('dim_days') }} as landing_day on landing_day.day_date = landed.landed_on
    left join {{ ref('dim_days') }} as next_day
        on next_day.day_date = {{ months_after('figures.newest_end', 12) }}
),

-- In working days: how long after the reporting period its figure was complete; for measures that come once a year how
-- long the next one is overdue.
timed as (
    select
        *,
        frequency in ('month', 'quarter') as is_in_year,
        greatest(0, landed_number - period_end_number) as days_taken,
        period_end_number - next_end_number - coalesce(due_working_days, 0) as days_overdue,
        case
            when row_count > 0 then cast(rejected_count as double) / cast(rejected_count + row_count as double)
        end as rejected_share
    from gathered
),

criteria as (
    select
        measure_id,
        period_start,
        period_end,
        1 as criterion_order,
        'relevant' as criterion,
        case
            when outcome_name is null then 'D'
            when targets > 0 or priorities > 0 or is_standing then 'A'
            when measure_type = 'strategic' then 'B'
            else 'C'
        end as grade,
        coalesce('Serves the outcome ' || outcome_name, 'Serves no outcome of the framework')
        || '; units with a target: ' || cast(targets as string)
        || '; service priorities that name it: ' || cast(priorities as string)
        || case when is_standing then '; reported every two months.' else '.' end as fact
    from timed

    union all

    select
        measure_id,
        period_start,
        period_end,
        2 as criterion_order,
        'well_defined' as criterion,
        case
            when lacking = '' then 'A'
            when lacking not like '%,%,%' then 'B'
            when lacking not like '%,%,%,%' then 'C'
            else 'D'
        end as grade,
        case
            when lacking = '' then 'The framework has its definition, numerator, denominator, unit, polarity and owner.'
            else 'The framework lacks: ' || substring(lacking, 3) || '.'
        end as fact
    from timed

    union all

    select
        measure_id,
        period_start,
        period_end,
        3 as criterion_order,
        'timely' as criterion,
        case
            when newest_end is null then 'D'
            when is_in_year and newest_end < period_end then 'D'
            when is_in_year and (days_taken is null or due_working_days is null) then 'B'
            when is_in_year and days_taken <= due_working_days then 'A'
            when is_in_year and days_taken <= due_working_days + {{ days_of_grace }} then 'B'
            when is_in_year then 'C'
            when due_working_days is null and days_overdue <= {{ working_days_of_year }} then 'B'
            when due_working_days is null then 'C'
            when days_overdue > {{ working_days_of_year }} then 'D'
            when days_overdue > 0 then 'C'
            else 'A'
        end as grade,
        case
            when newest_end is null then 'There is no figure.'
            when is_in_year and newest_end < period_end
                then 'No figure for the reporting period: the newest ends in ' || {{ month_text('newest_end') }} || '.'
            when is_in_year
                then coalesce(
                        'Complete ' || cast(days_taken as string) || ' working days after the period',
                        'Nothing tells when it was complete'
                    )
                    || coalesce(
                        ', due within ' || cast(due_working_days as string) || '.', '; no due date is declared.'
                    )
            else 'The newest figure ends in ' || {{ month_text('newest_end') }}
                || case
                    when due_working_days is null then '; no due date is declared for the next one.'
                    when days_overdue > 0
                        then '; the next one is ' || cast(days_overdue as string) || ' working days overdue.'
                    else '; the next one is not due yet.'
                end
        end as fact
    from timed

    union all

    select
        measure_id,
        period_start,
        period_end,
        4 as criterion_order,
        'reliable' as criterion,
        case
            when present = 0 or present * 5 < expected * 4 then 'D'
            when present * 20 < expected * 19 or unexplained > 0 then 'C'
            when present < expected or restatements > 0 then 'B'
            else 'A'
        end as grade,
        'Periods with a figure: ' || cast(present as string) || ' of ' || cast(expected as string)
        || '. Published figures changed later: ' || cast(restatements as string)
        || case
            when restatements > 0
                then coalesce(', by up to ' || {{ number_text('largest', 'decimal_places') }}, '')
                    || ', without a reason: ' || cast(unexplained as string)
            else ''
        end
        || case when is_newest_provisional then '. The newest is provisional.' else '.' end as fact
    from timed

    union all

    select
        measure_id,
        period_start,
        period_end,
        5 as criterion_order,
        'verifiable' as criterion,
        case
            when rows_counted = 0 then 'D'
            when computed_by = 'indicator' or outside_directorate = 1 then 'A'
            when computed_by = 'return' then 'C'
            else 'B'
        end as grade,
        case computed_by
            when 'indicator' then 'Published by others, who check it; rows that can be listed: '
            when 'return' then 'Typed into a return by its owner; rows that can be listed: '
            else 'Counted from rows of source systems that can be listed: '
        end
        || cast(rows_counted as string)
        || case
            when computed_by = 'indicator' then '.'
            when outside_directorate = 1 then '. Looked at outside the directorate in this period.'
            else '. No check outside the directorate is recorded for this period.'
        end as fact
    from timed

    union all

    select
        measure_id,
        period_start,
        period_end,
        6 as criterion_order,
        'accurate' as criterion,
        case
            when missing_dataset is not null or row_count is null or row_count = 0 then 'D'
            when rejected_share > 0.05 then 'D'
            when rejected_share > 0.01 then 'C'
            when rejected_share > 0.001 or stages = 0 then 'B'
            else 'A'
        end as grade,
        case
            when missing_dataset is not null then 'Missing in this period: ' || missing_dataset || '. '
            else ''
        end
        || 'Rows refused by the contracts: ' || cast(coalesce(rejected_count, 0) as string) || ' of '
        || cast(coalesce(rejected_count + row_count, 0) as string)
        || '; stages of sign-off by its directorate: ' || cast(stages as string) || '.' as fact
    from timed
)

select
    measure_id,
    period_start,
    period_end,
    criterion,
    grade,
    fact
from criteria
order by measure_id, criterion_order
