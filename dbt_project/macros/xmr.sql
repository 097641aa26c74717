{#-
  Statistical process control: the XmR rules of NHS England's "Making Data Count", as the R package NHSRplotthedots 0.2.2
  applies them. Nothing of dbt stands in here, so that `vitals spc` renders the same text for any file.
-#}

{#- Of the rules below; raised with any change to them, since signals may then come and go without new data. -#}
{% macro xmr_rule_set_version() %}1.0.0{% endmacro %}

{#-
  A query that gives each point its limits and says what kind of point it is.

  points    a relation with the columns of `series` and `sequence`, and
            value        DECIMAL: exact, so that the order of rows cannot change the last digit of a mean
            polarity     higher, lower, toward_zero or context
            rebases      how often limits had started afresh by then; a higher number begins a new group
            fix_after    limits come from the first so many points of a group (12 or more); null: from all of them
            is_screened  whether very large moving ranges are left out of the limits
            Its other columns are passed on.
  series    columns that tell one series from another
  sequence  columns that put a series in order; no two points of a series share a place

  Added: recency (1 = the last point), process_group (from 1), points (in the group), mean, average_moving_range,
  lower_limit, upper_limit, lower_near_limit, upper_near_limit, are_limits_provisional, special_cause, way (1 for a signal
  upwards, -1 downwards, 0 for none), point_type, and working columns: take those that are wanted by name.

  The side of the mean a point is on, and whether it has risen, are decided in exact decimals, limits in doubles. Where all
  ranges are zero, or all were screened out, there are no limits and nothing is flagged: that alone differs from the R
  package, which flags every point when all ranges were screened out.
-#}
{% macro xmr(points, series, sequence) %}
{%- set each_series = 'partition by ' ~ series | join(', ') -%}
{%- set each_group = each_series ~ ', process_group' -%}
{%- set in_order = each_group ~ ' order by ' ~ sequence | join(', ') -%}
with grouped as (
    select
        *,
        row_number() over ({{ each_series }} order by {{ sequence | join(' desc, ') }} desc) as recency,
        dense_rank() over ({{ each_series }} order by rebases) as process_group
    from {{ points }}
),

stepped as (
    select
        *,
        count(*) over ({{ each_group }}) as points,
        row_number() over ({{ in_order }}) as place,
        value - lag(value) over ({{ in_order }}) as step
    from grouped
),

-- What the limits come from. The first point of a group has no range.
based as (
    select
        *,
        case when place <= coalesce(fix_after, points) then value end as base_value,
        case when place <= coalesce(fix_after, points) then abs(step) end as moving_range
    from stepped
),

totalled as (
    select
        *,
        sum(base_value) over ({{ each_group }}) as base_total,
        count(base_value) over ({{ each_group }}) as base_points,
        cast(sum(moving_range) over ({{ each_group }}) as double)
        / nullif(count(moving_range) over ({{ each_group }}), 0) as average_of_all_ranges
    from based
),

screened as (
    select
        *,
        case
            when not is_screened or cast(moving_range as double) < 3.267e0 * average_of_all_ranges then moving_range
        end as kept_range
    from totalled
),

centred as (
    select
        *,
        cast(base_total as double) / base_points as mean,
        cast(sum(kept_range) over ({{ each_group }}) as double)
        / nullif(count(kept_range) over ({{ each_group }}), 0) as average_moving_range,
        case
            when value * cast(base_points as decimal(9, 0)) > base_total then 1
            when value * cast(base_points as decimal(9, 0)) < base_total then -1
            else 0
        end as side,
        case when step > 0 then 1 when step < 0 then -1 else 0 end as direction
    from screened
),

limited as (
    select
        *,
        mean - 2.66e0 * nullif(average_moving_range, 0) as lower_limit,
        mean + 2.66e0 * nullif(average_moving_range, 0) as upper_limit,
        mean - 2e0 * (2.66e0 / 3e0) * nullif(average_moving_range, 0) as lower_near_limit,
        mean + 2e0 * (2.66e0 / 3e0) * nullif(average_moving_range, 0) as upper_near_limit,
        points < 12 and average_moving_range > 0 as are_limits_provisional
    from centred
),

placed as (
    select
        *,
        cast(value as double) < lower_limit or cast(value as double) > upper_limit as is_outside,
        case
            when cast(value as double) < lower_limit or cast(value as double) > upper_limit then 0
            when cast(value as double) < lower_near_limit or cast(value as double) > upper_near_limit then 1
            else 0
        end as close
    from limited
),

-- Each rule at the last of the points that it looks at; a group's first points have too few before them.
ended as (
    select
        *,
        case
            when abs(sum(direction) over ({{ in_order }} rows between 5 preceding and current row)) = 6 then 1
            else 0
        end as ends_trend,
        case
            when
                abs(sum(side) over ({{ in_order }} rows between 2 preceding and current row)) = 3
                and sum(close) over ({{ in_order }} rows between 2 preceding and current row) >= 2
                then 1
            else 0
        end as ends_two_of_three,
        case
            when abs(sum(side) over ({{ in_order }} rows between 6 preceding and current row)) = 7 then 1
            else 0
        end as ends_run
    from placed
),

flagged as (
    select
        *,
        max(ends_trend) over ({{ in_order }} rows between current row and 6 following) as in_trend,
        max(ends_two_of_three) over ({{ in_order }} rows between current row and 2 following) * close as in_two_of_three,
        max(ends_run) over ({{ in_order }} rows between current row and 6 following) as in_run
    from ended
),

-- The first rule that matches is the special cause.
named as (
    select
        *,
        case
            when lower_limit is null then 'none'
            when is_outside then 'outside'
            when in_trend = 1 then 'trend'
            when in_two_of_three = 1 then 'two_of_three'
            when in_run = 1 then 'run'
            else 'none'
        end as special_cause,
        lead(in_trend) over ({{ in_order }}) as next_in_trend,
        lead(direction) over ({{ in_order }}) as next_direction
    from flagged
),

-- A point where one trend ends and another begins goes the way of the one that begins.
directed as (
    select
        *,
        case
            when special_cause = 'none' then 0
            when special_cause <> 'trend' then side
            when next_in_trend = 1 and next_direction <> 0 then next_direction
            else direction
        end as way
    from named
)

select
    *,
    case
        when lower_limit is null then 'insufficient_variation'
        when special_cause = 'none' then 'common_cause'
        when polarity = 'context' and way > 0 then 'special_cause_neutral_high'
        when polarity = 'context' then 'special_cause_neutral_low'
        when polarity = 'higher' and way > 0 then 'special_cause_improvement'
        when polarity = 'lower' and way < 0 then 'special_cause_improvement'
        when polarity = 'toward_zero' and abs(cast(value as double)) < abs(mean) then 'special_cause_improvement'
        else 'special_cause_concern'
    end as point_type
from directed
{%- endmacro %}

{#-
  Whether a process meets its target, from the limits of its last point: a target outside them is met, or missed, every
  time. Toward zero the target is a distance on both sides of it.
-#}
{% macro xmr_assurance(polarity, target, lower_limit, upper_limit) %}
{%- set goal = 'cast(' ~ target ~ ' as double)' -%}
case
        when {{ target }} is null or {{ lower_limit }} is null then 'none'
        when {{ polarity }} = 'higher' and {{ goal }} > {{ upper_limit }} then 'consistently_fails'
        when {{ polarity }} = 'higher' and {{ goal }} < {{ lower_limit }} then 'consistently_passes'
        when {{ polarity }} = 'lower' and {{ goal }} < {{ lower_limit }} then 'consistently_fails'
        when {{ polarity }} = 'lower' and {{ goal }} > {{ upper_limit }} then 'consistently_passes'
        when
            {{ polarity }} = 'toward_zero'
            and ({{ lower_limit }} > abs({{ goal }}) or {{ upper_limit }} < -abs({{ goal }}))
            then 'consistently_fails'
        when
            {{ polarity }} = 'toward_zero'
            and {{ lower_limit }} > -abs({{ goal }}) and {{ upper_limit }} < abs({{ goal }})
            then 'consistently_passes'
        when {{ polarity }} in ('higher', 'lower', 'toward_zero') then 'hit_and_miss'
        else 'none'
    end
{%- endmacro %}
