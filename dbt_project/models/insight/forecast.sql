-- Where each figure will be at the end of the financial year: its last quarter for what is counted in a period, the
-- year for what adds up or rolls over twelve months. An actual is never replaced: actuals are in `measure_values`, and
-- once the year has ended there is no forecast. Methods, version 1 (docs/insight.md):
--   level         in-period figures: the median of the last four quarters
--   last_figure   rolling figures and points in time: the newest figure
--   past_years    figures that add up: the newest figure and what former years still gained from here on
-- A series' own past errors say how wide the interval is: those that the same method made as many quarters ahead.
{% set quarters_of_level = 4 %}
{% set points_needed = 12 %}
{% set years_needed = 3 %}

with years as (
    select
        periods.period_start as year_start,
        periods.period_end as year_end,
        periods.period_label as year_label,
        extract(year from periods.period_end) * 12 + extract(month from periods.period_end) as end_month
    from {{ ref('dim_periods') }} as periods
    inner join {{ ref('dim_council') }} as council
        on
            periods.period_start <= council.reporting_period_start
            and periods.period_end > council.reporting_period_end
    where periods.period_type = 'financial_year'
),

series as (
    select
        figures.measure_id,
        figures.unit_id,
        figures.period_end,
        figures.value,
        figures.denominator,
        figures.is_provisional,
        measures.polarity,
        measures.value_unit,
        measures.decimal_places,
        case measures.accumulation
            when 'cumulative' then 'past_years'
            when 'cumulative_only' then 'past_years'
            when 'in_period' then 'level'
            else 'last_figure'
        end as method,
        extract(year from figures.period_end) * 12 + extract(month from figures.period_end) as month_number,
        row_number() over (partition by figures.measure_id, figures.unit_id order by figures.period_end) as place,
        count(*) over (partition by figures.measure_id, figures.unit_id) as points,
        min(figures.value) over (partition by figures.measure_id, figures.unit_id) as lowest,
        max(figures.value) over (partition by figures.measure_id, figures.unit_id) as highest
    from {{ ref('measure_values') }} as figures
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = figures.measure_id
    inner join {{ ref('dim_units') }} as units on units.unit_id = figures.unit_id
    inner join {{ ref('dim_council') }} as council on figures.period_end <= council.reporting_period_end
    where
        figures.basis = 'reported'
        and figures.area_id = ''
        and figures.period_type = 'quarter'
        and measures.frequency in ('month', 'quarter')
        and units.unit_level in ('council', 'directorate')
),

newest as (
    select
        series.*,
        years.year_start,
        years.year_end,
        years.year_label,
        years.end_month,
        years.end_month - series.month_number as months_ahead
    from series
    cross join years
    where series.place = series.points
),

-- What the method would have said at each point of the past, and now.
levels as (
    select
        series.measure_id,
        series.unit_id,
        series.place,
        series.month_number,
        cast(median(earlier.value) as double) as level
    from series
    inner join series as earlier
        on
            earlier.measure_id = series.measure_id
            and earlier.unit_id = series.unit_id
            and earlier.place <= series.place
            and earlier.place
            > series.place - case series.method when 'level' then {{ quarters_of_level }} else 1 end
    where
        series.method in ('level', 'last_figure')
        and (series.method = 'last_figure' or series.place >= {{ quarters_of_level }})
    group by series.measure_id, series.unit_id, series.place, series.month_number
),

errors as (
    select
        newest.measure_id,
        newest.unit_id,
        abs(cast(actuals.value as double) - levels.level) as error,
        row_number() over (
            partition by newest.measure_id, newest.unit_id
            order by abs(cast(actuals.value as double) - levels.level)
        ) as place,
        count(*) over (partition by newest.measure_id, newest.unit_id) as errors
    from newest
    inner join levels on levels.measure_id = newest.measure_id and levels.unit_id = newest.unit_id
    inner join series as actuals
        on
            actuals.measure_id = newest.measure_id
            and actuals.unit_id = newest.unit_id
            and actuals.month_number = levels.month_number + newest.months_ahead
    where newest.points >= {{ points_needed }}
),

-- Of n past errors the one in place 0.8 (n + 1) is as large as four in five of those to come.
margins as (
    select
        measure_id,
        unit_id,
        max(errors) as evidence,
        min(case when place * 5 >= 4 * (errors + 1) then error end) as margin
    from errors
    group by measure_id, unit_id
),

-- What each former year came to from the same quarter on, laid onto this year: in proportion for a sum, in points for
-- a ratio.
former_years as (
    select
        newest.measure_id,
        newest.unit_id,
        cast(
            case
                when newest.denominator is not null then newest.value + year_ends.value - same_quarters.value
                else newest.value * year_ends.value / same_quarters.value
            end as decimal(18, 6)
        ) as outcome
    from newest
    inner join series as year_ends
        on
            year_ends.measure_id = newest.measure_id
            and year_ends.unit_id = newest.unit_id
            and year_ends.month_number < newest.end_month
            and extract(month from year_ends.period_end) = extract(month from newest.year_end)
    inner join series as same_quarters
        on
            same_quarters.measure_id = newest.measure_id
            and same_quarters.unit_id = newest.unit_id
            and same_quarters.month_number = year_ends.month_number - newest.months_ahead
    where newest.method = 'past_years' and (newest.denominator is not null or same_quarters.value <> 0)
),

outcomes as (
    select
        measure_id,
        unit_id,
        cast(count(*) as bigint) as years,
        cast(sum(outcome) as double) / count(*) as mean,
        cast(sum(outcome * outcome) as double) as sum_of_squares
    from former_years
    group by measure_id, unit_id
),

-- 90th percentile of Student's t for so few years, with the variance of a single further one.
spans as (
    select
        measure_id,
        unit_id,
        years as evidence,
        mean as projection,
        sqrt(greatest(0, (sum_of_squares - years * mean * mean) / (years - 1)) * (1 + 1 / cast(years as double)))
        * case years
            when 3 then 1.886
            when 4 then 1.638
            when 5 then 1.533
            when 6 then 1.476
            when 7 then 1.440
            when 8 then 1.415
            when 9 then 1.397
            else 1.383
        end as margin
    from outcomes
    where years >= {{ years_needed }}
),

projected as (
    select
        newest.*,
        coalesce(spans.projection, levels.level) as projection,
        coalesce(spans.margin, margins.margin) as margin,
        cast(coalesce(spans.evidence, margins.evidence) as bigint) as evidence,
        newest.value_unit = 'percent' and newest.lowest >= 0 and newest.highest <= 100 as is_share
    from newest
    left join levels
        on
            levels.measure_id = newest.measure_id
            and levels.unit_id = newest.unit_id
            and levels.place = newest.place
    left join margins on margins.measure_id = newest.measure_id and margins.unit_id = newest.unit_id
    left join spans on spans.measure_id = newest.measure_id and spans.unit_id = newest.unit_id
),

bounded as (
    select
        *,
        cast({{ kept_in_range('projection') }} as decimal(28, 10)) as kept_projection,
        cast({{ kept_in_range('projection - margin') }} as decimal(28, 10)) as kept_lower,
        cast({{ kept_in_range('projection + margin') }} as decimal(28, 10)) as kept_upper
    from projected
    where margin is not null
),

rounded as (
    select
        *,
        {{ round_to('kept_projection', 'decimal_places') }} as rounded_projection,
        {{ round_to('kept_lower', 'decimal_places') }} as rounded_lower,
        {{ round_to('kept_upper', 'decimal_places') }} as rounded_upper
    from bounded
)

select
    rounded.measure_id,
    rounded.unit_id,
    rounded.year_start,
    rounded.year_end,
    rounded.year_label,
    rounded.period_end as last_period_end,
    rounded.value as last_value,
    cast(rounded.months_ahead / 3 as int) as quarters_ahead,
    rounded.method,
    rounded.evidence,
    rounded.rounded_projection as projection,
    rounded.rounded_lower as projection_lower,
    rounded.rounded_upper as projection_upper,
    targets.target,
    case
        when targets.target is null or rounded.polarity = 'context' then 'no_target'
        when rounded.polarity = 'higher' and rounded.rounded_lower >= targets.target then 'likely_met'
        when rounded.polarity = 'higher' and rounded.rounded_upper < targets.target then 'likely_missed'
        when rounded.polarity = 'lower' and rounded.rounded_upper <= targets.target then 'likely_met'
        when rounded.polarity = 'lower' and rounded.rounded_lower > targets.target then 'likely_missed'
        when
            rounded.polarity = 'toward_zero'
            and rounded.rounded_lower >= -(abs(targets.target) + targets.tolerance)
            and rounded.rounded_upper <= abs(targets.target) + targets.tolerance
            then 'likely_met'
        when
            rounded.polarity = 'toward_zero'
            and (
                rounded.rounded_lower > abs(targets.target) + targets.tolerance
                or rounded.rounded_upper < -(abs(targets.target) + targets.tolerance)
            )
            then 'likely_missed'
        else 'open'
    end as outlook,
    true as is_forecast,
    rounded.is_provisional
from rounded
left join {{ ref('dim_targets') }} as targets
    on
        targets.measure_id = rounded.measure_id
        and targets.unit_id = rounded.unit_id
        and rounded.year_end >= targets.valid_from
        and rounded.year_end <= coalesce(targets.valid_to, rounded.year_end)
order by rounded.measure_id, rounded.unit_id
