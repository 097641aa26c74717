-- The leadership board's table: the domains of organisational health side by side, each measure with what it is, how it
-- stands to its target, whether it has really changed and since when, and in how many services it is a concern.
-- A measure counts as reported when there is a figure of the newest period that was due by the end of the reporting
-- period; where the framework says nothing of when a figure is due, any figure counts of a measure that is reported
-- less often or published by others.
with measures_in_force as (
    select measures.*
    from {{ ref('dim_measures') }} as measures
    inner join {{ ref('dim_council') }} as council
        on
            measures.valid_from <= council.reporting_period_end
            and coalesce(measures.valid_to, council.reporting_period_start) >= council.reporting_period_start
),

published_measures as (
    select distinct measure_id
    from {{ ref('dim_indicators') }}
),

-- The last day of the newest period whose figure was due: of what the council counts itself every quarter, the
-- reporting period.
due as (
    select
        measures.measure_id,
        max(periods.period_end) as due_period_end
    from measures_in_force as measures
    cross join {{ ref('dim_council') }} as council
    left join published_measures on published_measures.measure_id = measures.measure_id
    inner join {{ ref('dim_periods') }} as reporting
        on reporting.period_type = 'quarter' and reporting.period_start = council.reporting_period_start
    inner join {{ ref('dim_periods') }} as periods
        on
            periods.period_type = case measures.frequency when 'month' then 'quarter' else measures.frequency end
            and periods.period_end <= council.reporting_period_end
            and (
                (published_measures.measure_id is null and periods.period_start = council.reporting_period_start)
                or (
                    (published_measures.measure_id is not null or periods.period_type <> 'quarter')
                    and periods.working_days_until + measures.due_working_days <= reporting.working_days_until
                )
            )
    group by measures.measure_id
),

services as (
    select
        measure_id,
        count(*) as units,
        count(case when state = 'concern' then 1 end) as units_in_concern
    from {{ ref('current_figures') }}
    where unit_level = 'service'
    group by measure_id
),

-- The worst of a measure's six grades, which tells more than their mean, and which criteria have it.
grades as (
    select
        quality.measure_id,
        quality.criterion,
        quality.grade,
        max(quality.grade) over (partition by quality.measure_id) as worst_grade
    from {{ ref('data_quality') }} as quality
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = quality.period_start
),

quality as (
    select
        measure_id,
        max(worst_grade) as worst_grade,
        {{ listed('criterion', 'place', 6) }} as weakest_criteria
    from (
        select
            *,
            row_number() over (partition by measure_id order by criterion) as place
        from grades
        where grade = worst_grade
    ) as weakest
    group by measure_id
),

figures as (
    select
        measures.measure_id,
        measures.measure_name,
        measures.measure_type,
        measures.outcome_id,
        measures.domain,
        domains.domain_name,
        domains.domain_order,
        measures.owner,
        current_figures.measure_id is not null
        and (due.due_period_end is null or current_figures.period_end >= due.due_period_end) as is_reported,
        due.due_period_end,
        current_figures.period_start,
        current_figures.period_end,
        current_figures.period_label,
        current_figures.numerator,
        current_figures.denominator,
        current_figures.value,
        coalesce(current_figures.is_provisional, false) as is_provisional,
        current_figures.target,
        coalesce(current_figures.status, 'no_target') as status,
        coalesce(current_figures.state, 'no_data') as state,
        current_figures.signal_value,
        current_figures.mean,
        current_figures.lower_limit,
        current_figures.upper_limit,
        current_figures.special_cause,
        current_figures.point_type,
        current_figures.signal_since,
        current_figures.assurance,
        forecast.year_label as forecast_year_label,
        forecast.projection as forecast,
        forecast.projection_lower as forecast_lower,
        forecast.projection_upper as forecast_upper,
        forecast.outlook,
        quality.worst_grade as data_quality_grade,
        coalesce(quality.weakest_criteria, '') as data_quality_weakest,
        coalesce(services.units, 0) as services,
        coalesce(services.units_in_concern, 0) as hot_spots,
        coalesce(
            current_figures.sentence,
            measures.measure_name || ': no figure for the reporting period.'
        ) as sentence
    from measures_in_force as measures
    cross join {{ ref('dim_council') }} as council
    inner join {{ ref('dim_domains') }} as domains on domains.domain = measures.domain
    left join due on due.measure_id = measures.measure_id
    left join {{ ref('current_figures') }} as current_figures
        on current_figures.measure_id = measures.measure_id and current_figures.unit_id = council.root_unit_id
    left join services on services.measure_id = measures.measure_id
    left join quality on quality.measure_id = measures.measure_id
    left join {{ ref('forecast') }} as forecast
        on forecast.measure_id = measures.measure_id and forecast.unit_id = council.root_unit_id
)

select
    measure_id,
    measure_name,
    measure_type,
    outcome_id,
    domain,
    domain_name,
    domain_order,
    owner,
    is_reported,
    due_period_end,
    period_start,
    period_end,
    period_label,
    numerator,
    denominator,
    value,
    is_provisional,
    target,
    status,
    state,
    signal_value,
    mean,
    lower_limit,
    upper_limit,
    special_cause,
    point_type,
    signal_since,
    assurance,
    forecast_year_label,
    forecast,
    forecast_lower,
    forecast_upper,
    outlook,
    data_quality_grade,
    data_quality_weakest,
    services,
    hot_spots,
    sentence,
    count(case when is_reported then 1 end) over (partition by domain) as domain_reported,
    count(*) over (partition by domain) as domain_measures
from figures
order by domain_order, measure_id
