-- Check, plan, do: a measure before and after a change was made. Before are the two years up to it, or what there is
-- since an earlier change of the process; after is until it ended, or now. The period in which it began is neither.
-- The difference of the means has Welch's 95 % interval, which does not ask both sides to vary alike.
{%- set fewest = 4 %}
{%- set enough = 12 %}
with points as (
    select
        interventions.intervention_id,
        spc.period_type,
        spc.basis,
        spc.period_start,
        spc.period_end,
        spc.value,
        spc.special_cause,
        spc.process_group,
        spc.period_end < interventions.starts_on as is_before,
        max(case when spc.period_end < interventions.starts_on then spc.process_group end) over (
            partition by interventions.intervention_id
        ) as group_before
    from {{ ref('dim_interventions') }} as interventions
    inner join {{ ref('spc') }} as spc
        on
            spc.measure_id = interventions.measure_id
            and spc.unit_id = interventions.unit_id
            and spc.area_id = ''
            and (spc.period_end < interventions.starts_on or spc.period_start >= interventions.starts_on)
            and spc.period_end <= coalesce(interventions.ends_on, spc.period_end)
            and spc.period_start >= {{ months_after('interventions.starts_on', -24) }}
    where interventions.status <> 'planned'
),

sides as (
    select
        intervention_id,
        is_before,
        max(period_type) as period_type,
        max(basis) as basis,
        min(period_start) as first_start,
        max(period_end) as last_end,
        count(*) as points,
        sum(value) as total,
        sum(value * value) as squares,
        count(case when special_cause <> 'none' then 1 end) as special_causes
    from points
    where not is_before or process_group = group_before
    group by intervention_id, is_before
),

-- Sums of squares in exact decimals; their difference is the variance times n (n − 1).
summarised as (
    select
        *,
        cast(total as double) / points as mean,
        cast(
            try_cast(squares as decimal(28, 8)) * cast(points as decimal(9, 0))
            - try_cast(total as decimal(18, 4)) * try_cast(total as decimal(18, 4)) as double
        ) / nullif(points * points * (points - 1), 0) as variance_of_mean
    from sides
),

compared as (
    select
        interventions.*,
        measures.decimal_places,
        coalesce(after.period_type, earlier.period_type) as period_type,
        coalesce(after.basis, earlier.basis) as basis,
        earlier.first_start as before_from,
        coalesce(earlier.points, 0) as before_points,
        earlier.mean as before_mean,
        after.last_end as after_until,
        coalesce(after.points, 0) as after_points,
        after.mean as after_mean,
        coalesce(after.special_causes, 0) as special_causes_since,
        after.mean - earlier.mean as difference,
        case
            when earlier.points >= {{ fewest }} and after.points >= {{ fewest }}
                then nullif(earlier.variance_of_mean + after.variance_of_mean, 0)
        end as variance,
        earlier.variance_of_mean * earlier.variance_of_mean / nullif(earlier.points - 1, 0)
        + after.variance_of_mean * after.variance_of_mean / nullif(after.points - 1, 0) as spread_of_variance
    from {{ ref('dim_interventions') }} as interventions
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = interventions.measure_id
    left join summarised as earlier on earlier.intervention_id = interventions.intervention_id and earlier.is_before
    left join summarised as after on after.intervention_id = interventions.intervention_id and not after.is_before
),

-- The 97.5 % quantile of Student's t by its Cornish-Fisher expansion (Abramowitz and Stegun, 26.7.5), which from three
-- degrees of freedom is within 0.004 of the tables.
freed as (
    select
        *,
        variance * variance / nullif(spread_of_variance, 0) as degrees_of_freedom
    from compared
),

bounded as (
    select
        *,
        sqrt(variance) * (
            1.959964e0
            + 2.372271e0 / degrees_of_freedom
            + 2.822499e0 / (degrees_of_freedom * degrees_of_freedom)
            + 2.555850e0 / (degrees_of_freedom * degrees_of_freedom * degrees_of_freedom)
            + 1.589534e0 / (degrees_of_freedom * degrees_of_freedom * degrees_of_freedom * degrees_of_freedom)
        ) as half_width,
        case when expected_direction = 'lower' then -difference else difference end as gain
    from freed
),

decided as (
    select
        *,
        difference - half_width as difference_lower,
        difference + half_width as difference_upper,
        case
            when half_width is null then 'too_early'
            when gain > half_width then 'adopt'
            when gain < -half_width then 'think_again'
            when after_points < {{ enough }} and status = 'running' then 'keep_trying'
            else 'no_difference_shown'
        end as verdict
    from bounded
)

select
    intervention_id,
    measure_id,
    unit_id,
    title,
    status,
    starts_on,
    ends_on,
    expected_direction,
    period_type,
    basis,
    before_from,
    cast(before_points as int) as before_points,
    before_mean,
    after_until,
    cast(after_points as int) as after_points,
    after_mean,
    difference,
    difference_lower,
    difference_upper,
    degrees_of_freedom,
    cast(special_causes_since as int) as special_causes_since,
    verdict,
    case
        when status = 'planned' then 'Planned: nothing to compare yet.'
        when verdict = 'too_early'
            then
                'Too early to say: ' || cast(before_points as string) || ' points before and '
                || cast(after_points as string) || ' since; {{ fewest }} of each that vary are needed.'
        else
            'Average ' || {{ number_text('before_mean', 'decimal_places') }} || ' over '
            || cast(before_points as string) || ' points before, ' || {{ number_text('after_mean', 'decimal_places') }}
            || ' over ' || cast(after_points as string) || ' since: '
            || case verdict
                when 'adopt' then 'it moved as hoped, further than chance would explain'
                when 'think_again' then 'it moved the other way, further than chance would explain'
                when 'keep_trying' then 'no difference shown so far; more points may show one'
                else 'no difference shown'
            end
            || ' (95 % interval of the difference ' || {{ number_text('difference_lower', 'decimal_places') }}
            || ' to ' || {{ number_text('difference_upper', 'decimal_places') }}
            || '). Whatever else changed then is in these figures, too.'
    end as evidence
from decided
order by intervention_id
