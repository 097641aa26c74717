-- Which measures deserve an hour of the people who can change them, and what they would bring to the table. Each reason
-- has a weight; a measure is here from a weight of 2, so that being off target alone is not enough: that may be chance.
{%- set reasons = [
    ('lasting_concern', 3, 'it has been worse than usual for two points or more'),
    ('new_concern', 2, 'it has been worse than usual in the period'),
    ('unit_concern', 2, 'it is lastingly worse than usual in a part of the council'),
    ('consistently_fails', 3, 'as it runs it cannot be expected to meet its target'),
    ('off_target', 1, 'it is off target'),
    ('worst_quartile', 2, 'it is in the worst quarter of its neighbours'),
    ('driver', 2, 'another measure follows it'),
    ('has_poor_data', 1, 'its data have a grade D'),
] %}
with units_in_concern as (
    select
        current_figures.measure_id,
        current_figures.unit_id,
        current_figures.unit_name,
        current_figures.sentence,
        row_number() over (
            partition by current_figures.measure_id
            order by
                abs(current_figures.signal_value - current_figures.mean)
                / nullif(current_figures.upper_limit - current_figures.mean, 0) desc,
                current_figures.unit_id asc
        ) as place
    from {{ ref('current_figures') }} as current_figures
    inner join {{ ref('dim_units') }} as units on units.unit_id = current_figures.unit_id
    inner join {{ ref('dim_council') }} as council on council.root_unit_id = units.parent_unit_id
    where current_figures.is_lasting_concern
),

neighbours as (
    select
        benchmark.*,
        row_number() over (partition by benchmark.measure_id order by benchmark.neighbour_set) as place
    from {{ ref('benchmark') }} as benchmark
    where benchmark.is_newest and benchmark.is_comparable
),

drivers as (
    select
        driver_measure_id as measure_id,
        max(sentence) as sentence
    from {{ ref('links') }}
    where is_found
    group by driver_measure_id
),

linked as (
    select
        measure_id,
        {{ listed('text', 'place', 4) }} as linked_measures
    from (
        select
            pairs.measure_id,
            pairs.text,
            row_number() over (partition by pairs.measure_id order by pairs.text) as place
        from (
            select distinct
                driver_measure_id as measure_id,
                response_measure_id as text
            from {{ ref('links') }}
            where is_found

            union

            select distinct
                response_measure_id as measure_id,
                driver_measure_id as text
            from {{ ref('links') }}
            where is_found
        ) as pairs
    ) as ranked
    group by measure_id
),

poor_data as (
    select
        measure_id,
        {{ listed('criterion', 'place', 6) }} as criteria
    from (
        select
            quality.measure_id,
            quality.criterion,
            row_number() over (partition by quality.measure_id order by quality.criterion) as place
        from {{ ref('data_quality') }} as quality
        inner join {{ ref('dim_council') }} as council on council.reporting_period_start = quality.period_start
        where quality.grade = 'D'
    ) as ranked
    group by measure_id
),

next_steps as (
    select
        narratives.measure_id,
        narratives.next_steps,
        row_number() over (partition by narratives.measure_id order by narratives.unit_id) as place
    from {{ ref('fct_narratives') }} as narratives
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = narratives.quarter_start
    where narratives.is_newest
),

activities as (
    select
        outcome_id,
        {{ listed("title || ' (' || unit_name || ')'", 'place', 3) }} as titles
    from (
        select
            activities.outcome_id,
            activities.title,
            units.unit_name,
            row_number() over (
                partition by activities.outcome_id
                order by
                    case activities.status when 'on_track' then 2 else 1 end,
                    activities.due_date asc,
                    activities.activity_id asc
            ) as place
        from {{ ref('fct_activities') }} as activities
        inner join {{ ref('dim_council') }} as council on council.reporting_period_start = activities.quarter_start
        inner join {{ ref('dim_units') }} as units on units.unit_id = activities.unit_id
        where activities.is_newest and activities.status not in ('completed', 'stopped')
    ) as ranked
    group by outcome_id
),

-- Four quarters one after the other: numerators and denominators are added up, a plain number is averaged.
quarters as (
    select
        figures.measure_id,
        figures.period_start,
        figures.period_end,
        sum(figures.numerator) over (
            partition by figures.measure_id order by figures.period_start rows between 3 preceding and current row
        ) as numerator,
        sum(figures.denominator) over (
            partition by figures.measure_id order by figures.period_start rows between 3 preceding and current row
        ) as denominator,
        count(*) over (
            partition by figures.measure_id order by figures.period_start rows between 3 preceding and current row
        ) as quarter_count,
        min(figures.period_start) over (
            partition by figures.measure_id order by figures.period_start rows between 3 preceding and current row
        ) as first_start
    from (
        select
            figures.*,
            row_number() over (
                partition by figures.measure_id, figures.period_start order by figures.basis asc
            ) as place
        from {{ ref('measure_values') }} as figures
        inner join {{ ref('dim_council') }} as council on council.root_unit_id = figures.unit_id
        where figures.area_id = '' and figures.period_type = 'quarter'
    ) as figures
    where figures.place = 1
),

runs as (
    select
        quarters.measure_id,
        quarters.first_start,
        quarters.period_end,
        {{ measure_value(
            'case when quarters.denominator is null then quarters.numerator / 4 else quarters.numerator end',
            'quarters.denominator', 'measures.multiplier', 'measures.decimal_places'
        ) }} as value,
        measures.polarity
    from quarters
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = quarters.measure_id
    where
        quarters.quarter_count = 4
        and quarters.first_start = {{ months_after('quarters.period_start', -9) }}
        and measures.polarity <> 'context'
        and measures.accumulation <> 'cumulative_only'
),

best_runs as (
    select
        *,
        row_number() over (
            partition by measure_id
            order by
                case polarity when 'higher' then -value when 'lower' then value else abs(value) end asc,
                period_end desc
        ) as place
    from runs
    where value is not null
),

open_interventions as (
    select
        measure_id,
        {{ listed('title', 'place', 3) }} as titles
    from (
        select
            interventions.measure_id,
            interventions.title,
            row_number() over (
                partition by interventions.measure_id
                order by interventions.starts_on desc, interventions.intervention_id asc
            ) as place
        from {{ ref('dim_interventions') }} as interventions
        inner join {{ ref('dim_council') }} as council on interventions.starts_on <= council.reporting_period_end
        where interventions.status in ('planned', 'running')
    ) as ranked
    group by measure_id
),

candidates as (
    select
        current_figures.*,
        units_in_concern.unit_id as worst_unit_id,
        units_in_concern.unit_name as worst_unit_name,
        units_in_concern.sentence as worst_unit_sentence,
        drivers.sentence as link_sentence,
        poor_data.criteria as poor_data_criteria,
        neighbours.best_area_name,
        neighbours.best_value,
        neighbours.median_value,
        current_figures.is_lasting_concern as lasting_concern,
        current_figures.state = 'concern' and not current_figures.is_lasting_concern as new_concern,
        units_in_concern.unit_id is not null and not current_figures.is_lasting_concern as unit_concern,
        current_figures.state <> 'improvement'
        and coalesce(current_figures.assurance = 'consistently_fails', false) as consistently_fails,
        current_figures.status = 'off_target' as off_target,
        coalesce(neighbours.quartile = 4, false) as worst_quartile,
        drivers.measure_id is not null as driver,
        poor_data.measure_id is not null as has_poor_data
    from {{ ref('current_figures') }} as current_figures
    inner join {{ ref('dim_council') }} as council on council.root_unit_id = current_figures.unit_id
    left join units_in_concern
        on units_in_concern.measure_id = current_figures.measure_id and units_in_concern.place = 1
    left join neighbours on neighbours.measure_id = current_figures.measure_id and neighbours.place = 1
    left join drivers on drivers.measure_id = current_figures.measure_id
    left join poor_data on poor_data.measure_id = current_figures.measure_id
),

weighed as (
    select
        *,
        0
        {%- for name, weight, _ in reasons %}
        + case when {{ name }} then {{ weight }} else 0 end
        {%- endfor %} as weight,
        substring(
            ''
            {%- for name, _, words in reasons %}
            || case when {{ name }} then '; {{ words }}' else '' end
            {%- endfor %},
            3
        ) as reasons
    from candidates
)

select
    weighed.outcome_id,
    outcomes.outcome_name,
    outcomes.owner as outcome_owner,
    row_number() over (
        partition by weighed.outcome_id order by weighed.weight desc, weighed.measure_id asc
    ) as clinic_rank,
    weighed.measure_id,
    weighed.measure_name,
    weighed.domain,
    measures.owner,
    weighed.weight,
    weighed.reasons,
    weighed.sentence,
    weighed.worst_unit_id,
    weighed.worst_unit_name,
    weighed.worst_unit_sentence,
    weighed.best_area_name as best_neighbour_name,
    cast(weighed.best_value as decimal(18, 4)) as best_neighbour_value,
    cast(weighed.median_value as decimal(18, 4)) as neighbour_median,
    best_runs.value as best_run_value,
    best_runs.first_start as best_run_start,
    best_runs.period_end as best_run_end,
    coalesce(linked.linked_measures, '') as linked_measures,
    weighed.link_sentence,
    coalesce(weighed.poor_data_criteria, '') as poor_data,
    coalesce(open_interventions.titles, '') as interventions,
    coalesce(activities.titles, '') as activities,
    next_steps.next_steps,
    case
        when weighed.lasting_concern or weighed.new_concern or weighed.unit_concern
            then
                'What changed in ' || coalesce(weighed.worst_unit_name, 'the council')
                || case
                    when weighed.worst_unit_id is not null then ''
                    else ' since ' || {{ month_text('weighed.signal_since') }}
                end
                || ', and what would bring it back?'
        when weighed.consistently_fails
            then 'What in the way the work is done must change, or is the target wrong?'
        when weighed.worst_quartile then 'What does ' || weighed.best_area_name || ' do differently?'
        when weighed.driver then 'What would be tried first, and when would the measure that follows it show it?'
        else 'What would make the figure good enough to act on?'
    end as next_question
from weighed
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = weighed.measure_id
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = weighed.outcome_id
left join linked on linked.measure_id = weighed.measure_id
left join best_runs on best_runs.measure_id = weighed.measure_id and best_runs.place = 1
left join open_interventions on open_interventions.measure_id = weighed.measure_id
left join activities on activities.outcome_id = weighed.outcome_id
left join next_steps on next_steps.measure_id = weighed.measure_id and next_steps.place = 1
where weighed.weight >= 2
order by weighed.outcome_id, clinic_rank
