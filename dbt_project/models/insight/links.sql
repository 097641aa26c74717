-- Whether the measures that the framework links do move together, unit by unit: Spearman's rank correlation of first
-- differences, the later measure moved back by the lag declared. What a difference usually is at that time of the year
-- (its mean over the years) is taken off first: winter comes before the complaints of spring without being their cause.
-- Chance: Fisher's z with the variance 1.06 / (n − 3) of a rank correlation (Fieller, Hartley and Pearson 1957). Of n
-- is taken off what the seasons used up, and what differences of one series tell twice (Bartlett 1946: the product of
-- both autocorrelations; counted only where it makes n smaller). Of all pairs tested together no more than one in
-- twenty of those found is by chance (Benjamini and Hochberg 1995).
{% set fewest_points = 20 %}
{% set false_discoveries = 0.05 %}
with declared as (
    select
        links.link_id,
        links.driver_measure_id,
        links.response_measure_id,
        links.period_type,
        links.lag_periods,
        links.expected_sign,
        links.rationale,
        units.unit_id,
        units.unit_name,
        units.unit_level,
        case links.period_type when 'month' then 1 else 3 end as months
    from {{ ref('dim_links') }} as links
    inner join {{ ref('dim_units') }} as units on units.unit_level = links.unit_level
    inner join {{ ref('dim_council') }} as council
        on
            links.valid_from <= council.reporting_period_end
            and coalesce(links.valid_to, council.reporting_period_start) >= council.reporting_period_start
            and coalesce(units.valid_to, council.reporting_period_start) >= council.reporting_period_start
),

-- A rolling or cumulative figure repeats most of the one before it: the period alone stands for it.
figures as (
    select
        measure_id,
        unit_id,
        period_type,
        period_start,
        value,
        row_number() over (
            partition by measure_id, unit_id, period_type, period_start order by basis asc
        ) as place
    from {{ ref('measure_values') }}
    where area_id = '' and period_type in ('month', 'quarter')
),

pairs as (
    select
        declared.link_id,
        declared.unit_id,
        declared.months,
        responses.period_start,
        drivers.value as driver_value,
        responses.value as response_value
    from declared
    inner join figures as drivers
        on
            drivers.measure_id = declared.driver_measure_id
            and drivers.unit_id = declared.unit_id
            and drivers.period_type = declared.period_type
            and drivers.place = 1
    inner join figures as responses
        on
            responses.measure_id = declared.response_measure_id
            and responses.unit_id = declared.unit_id
            and responses.period_type = declared.period_type
            and responses.period_start
            = {{ months_after('drivers.period_start', 'declared.months * declared.lag_periods') }}
            and responses.place = 1
),

steps as (
    select
        link_id,
        unit_id,
        months,
        period_start,
        lag(period_start) over (partition by link_id, unit_id order by period_start) as earlier_start,
        driver_value - lag(driver_value) over (partition by link_id, unit_id order by period_start) as driver_step,
        response_value
        - lag(response_value) over (partition by link_id, unit_id order by period_start) as response_step
    from pairs
),

-- Over a gap there is no step.
neighbouring as (
    select
        link_id,
        unit_id,
        period_start,
        extract(month from period_start) as season,
        driver_step,
        response_step
    from steps
    where earlier_start = {{ months_after('period_start', '-months') }}
),

usual_steps as (
    select
        link_id,
        unit_id,
        season,
        sum(driver_step) as driver_steps,
        sum(response_step) as response_steps,
        count(*) as step_count
    from neighbouring
    group by link_id, unit_id, season
),

moves as (
    select
        neighbouring.link_id,
        neighbouring.unit_id,
        neighbouring.period_start,
        cast(
            cast(neighbouring.driver_step as double)
            - cast(usual_steps.driver_steps as double) / usual_steps.step_count as decimal(18, 6)
        ) as driver_move,
        cast(
            cast(neighbouring.response_step as double)
            - cast(usual_steps.response_steps as double) / usual_steps.step_count as decimal(18, 6)
        ) as response_move
    from neighbouring
    inner join usual_steps
        on
            usual_steps.link_id = neighbouring.link_id
            and usual_steps.unit_id = neighbouring.unit_id
            and usual_steps.season = neighbouring.season
),

-- Twice the rank, ties sharing their mean, and less its mean: whole numbers, which add up the same in any order.
ranked as (
    select
        link_id,
        unit_id,
        period_start,
        2 * rank() over (partition by link_id, unit_id order by driver_move)
        + count(*) over (partition by link_id, unit_id, driver_move)
        - count(*) over (partition by link_id, unit_id) - 2 as driver_rank,
        2 * rank() over (partition by link_id, unit_id order by response_move)
        + count(*) over (partition by link_id, unit_id, response_move)
        - count(*) over (partition by link_id, unit_id) - 2 as response_rank
    from moves
),

with_earlier as (
    select
        *,
        lag(driver_rank) over (partition by link_id, unit_id order by period_start) as earlier_driver_rank,
        lag(response_rank) over (partition by link_id, unit_id order by period_start) as earlier_response_rank
    from ranked
),

sums as (
    select
        link_id,
        unit_id,
        count(*) as points,
        cast(sum(driver_rank * response_rank) as double) as shared,
        cast(sum(driver_rank * driver_rank) as double) as driver_spread,
        cast(sum(response_rank * response_rank) as double) as response_spread,
        cast(sum(driver_rank * earlier_driver_rank) as double) as driver_echo,
        cast(sum(response_rank * earlier_response_rank) as double) as response_echo
    from with_earlier
    group by link_id, unit_id
),

seasons as (
    select
        link_id,
        unit_id,
        count(*) as season_count
    from usual_steps
    group by link_id, unit_id
),

-- No coefficient from fewer points, nor where one of the two never moves.
correlated as (
    select
        sums.link_id,
        sums.unit_id,
        sums.points,
        sums.shared / sqrt(sums.driver_spread * sums.response_spread) as coefficient,
        (sums.points - seasons.season_count + 1) / (
            1 + 2 * greatest(
                sums.driver_echo / sums.driver_spread * sums.response_echo / sums.response_spread, 0
            )
        ) as points_effective
    from sums
    inner join seasons on seasons.link_id = sums.link_id and seasons.unit_id = sums.unit_id
    where sums.points >= {{ fewest_points }} and sums.driver_spread > 0 and sums.response_spread > 0
),

scored as (
    select
        link_id,
        unit_id,
        coefficient,
        points_effective,
        0.5 * ln(
            (1 + least(greatest(coefficient, -0.999999), 0.999999))
            / (1 - least(greatest(coefficient, -0.999999), 0.999999))
        ) * sqrt(greatest(points_effective - 3, 0) / 1.06) as z
    from correlated
),

tested as (
    select
        link_id,
        unit_id,
        cast(coefficient as decimal(6, 4)) as coefficient,
        cast(points_effective as decimal(8, 2)) as points_effective,
        cast({{ two_sided_p('z') }} as decimal(12, 10)) as p_value
    from scored
),

placed as (
    select
        link_id,
        unit_id,
        row_number() over (order by p_value asc, link_id asc, unit_id asc) as place,
        count(*) over () as test_count
    from tested
),

controlled as (
    select
        tested.link_id,
        tested.unit_id,
        tested.coefficient,
        tested.points_effective,
        tested.p_value,
        placed.test_count,
        least(
            min(cast(tested.p_value as double) * placed.test_count / placed.place) over (
                order by placed.place desc rows between unbounded preceding and current row
            ),
            1
        ) as q_value
    from tested
    inner join placed on placed.link_id = tested.link_id and placed.unit_id = tested.unit_id
),

judged as (
    select
        declared.link_id,
        declared.driver_measure_id,
        coalesce(drivers.measure_name, declared.driver_measure_id) as driver_name,
        declared.response_measure_id,
        coalesce(responses.measure_name, declared.response_measure_id) as response_name,
        declared.unit_id,
        declared.unit_name,
        declared.unit_level,
        declared.period_type,
        declared.lag_periods,
        declared.expected_sign,
        declared.rationale,
        coalesce(sums.points, 0) as points,
        controlled.points_effective,
        controlled.coefficient,
        controlled.p_value,
        cast(controlled.q_value as decimal(12, 10)) as q_value,
        coalesce(controlled.test_count, 0) as test_count,
        coalesce(controlled.q_value < {{ false_discoveries }}, false) as is_beyond_chance,
        case declared.expected_sign when 'opposite' then controlled.coefficient < 0 else controlled.coefficient > 0 end
            as is_as_expected
    from declared
    left join {{ ref('dim_measures') }} as drivers on drivers.measure_id = declared.driver_measure_id
    left join {{ ref('dim_measures') }} as responses on responses.measure_id = declared.response_measure_id
    left join sums on sums.link_id = declared.link_id and sums.unit_id = declared.unit_id
    left join controlled on controlled.link_id = declared.link_id and controlled.unit_id = declared.unit_id
)

select
    link_id,
    driver_measure_id,
    driver_name,
    response_measure_id,
    response_name,
    unit_id,
    unit_name,
    unit_level,
    period_type,
    lag_periods,
    expected_sign,
    rationale,
    points,
    points_effective,
    coefficient,
    p_value,
    q_value,
    test_count,
    is_beyond_chance and is_as_expected as is_found,
    case
        when coefficient is null and points < {{ fewest_points }}
            then
                'Too few points: ' || driver_name || ' and ' || {{ name_inside('response_name') }} || ' in '
                || unit_name || ' can be compared over ' || cast(points as string) || ' ' || period_type
                || 's; {{ fewest_points }} are needed.'
        when coefficient is null
            then
                'No link shown: ' || driver_name || ' or ' || {{ name_inside('response_name') }} || ' in ' || unit_name
                || ' does not move (n = ' || cast(points as string) || ').'
        when is_beyond_chance and is_as_expected
            then
                driver_name || ' and ' || {{ name_inside('response_name') }} || ' in ' || unit_name
                || ' move together: when the first goes up, the second goes '
                || case expected_sign when 'opposite' then 'down ' else 'up ' end
                || case lag_periods
                    when 0 then 'in the same ' || period_type
                    when 1 then 'one ' || period_type || ' later'
                    else cast(lag_periods as string) || ' ' || period_type || 's later'
                end
                || ' (n = ' || cast(points as string) || ', coefficient '
                || {{ value_text('coefficient', "''", 2) }} || '). This does not show a cause.'
        when is_beyond_chance
            then
                'Not as expected: ' || driver_name || ' and ' || {{ name_inside('response_name') }} || ' in '
                || unit_name || ' move together the other way round (n = ' || cast(points as string)
                || ', coefficient ' || {{ value_text('coefficient', "''", 2) }} || '). This does not show a cause.'
        else
            'No link shown: ' || driver_name || ' and ' || {{ name_inside('response_name') }} || ' in ' || unit_name
            || ' move together no more than chance allows (n = ' || cast(points as string) || ').'
    end as sentence
from judged
order by link_id, unit_id
