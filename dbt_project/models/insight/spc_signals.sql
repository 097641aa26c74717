-- Where each series stands: its last point, since when points have been of that kind, and whether the process as it is
-- meets its target. The target of a year so far, or of a sum over a year, says nothing of one month.
with marked as (
    select
        *,
        max(case when recency = 1 then point_type end) over (
            partition by measure_id, unit_id, area_id
        ) as last_point_type
    from {{ ref('spc') }}
),

turned as (
    select
        *,
        min(case when point_type <> last_point_type then recency end) over (
            partition by measure_id, unit_id, area_id
        ) as turn
    from marked
),

series as (
    select
        measure_id,
        unit_id,
        area_id,
        min(case when recency < coalesce(turn, recency + 1) then period_start end) as signal_since,
        count(case when recency < coalesce(turn, recency + 1) then 1 end) as signal_points,
        count(case when is_in_reporting_period and special_cause <> 'none' then 1 end) as flagged_in_reporting_period,
        count(case when is_in_reporting_period and point_type = 'special_cause_concern' then 1 end) as recent_concerns
    from turned
    group by measure_id, unit_id, area_id
),

judged as (
    select
        latest.*,
        series.signal_since,
        series.signal_points,
        series.flagged_in_reporting_period,
        targets.target,
        case
            when
                latest.basis = 'reported'
                or (measures.accumulation = 'rolling_12_months' and latest.denominator is not null)
                then measures.polarity
        end as polarity_of_target,
        coalesce(measures.valid_to, council.reporting_period_end) >= council.reporting_period_start
        and (
            series.recent_concerns > 0
            or (latest.point_type = 'special_cause_concern' and measures.frequency not in ('month', 'quarter'))
        ) as is_current_concern
    from {{ ref('spc') }} as latest
    inner join series
        on
            series.measure_id = latest.measure_id
            and series.unit_id = latest.unit_id
            and series.area_id = latest.area_id
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = latest.measure_id
    cross join {{ ref('dim_council') }} as council
    left join {{ ref('dim_targets') }} as targets
        on
            targets.measure_id = latest.measure_id
            and targets.unit_id = latest.unit_id
            and latest.area_id = ''
            and targets.valid_from <= latest.period_end
            and coalesce(targets.valid_to, latest.period_end) >= latest.period_end
    where latest.recency = 1
)

select
    measure_id,
    unit_id,
    area_id,
    period_type,
    period_start,
    period_end,
    period_code,
    period_label,
    basis,
    numerator,
    denominator,
    value,
    is_small_denominator,
    is_provisional,
    mean,
    lower_limit,
    upper_limit,
    points,
    are_limits_provisional,
    special_cause,
    point_type,
    signal_since,
    cast(signal_points as int) as signal_points,
    cast(flagged_in_reporting_period as int) as flagged_in_reporting_period,
    is_in_reporting_period,
    is_current_concern,
    target,
    {{ xmr_assurance('polarity_of_target', 'target', 'lower_limit', 'upper_limit') }} as assurance,
    '{{ xmr_rule_set_version() }}' as rule_set_version
from judged
order by measure_id, unit_id, area_id
