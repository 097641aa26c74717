-- Each figure beside the one before it and the target that was in force at the end of its period: history is never
-- judged by today's target. A context measure has no better and worse and so no status.
with figures as (
    select
        *,
        lag(value) over (
            partition by measure_id, unit_id, area_id, period_type order by period_start, period_end
        ) as earlier_value,
        lag(period_end) over (
            partition by measure_id, unit_id, area_id, period_type order by period_start, period_end
        ) as earlier_end
    from {{ ref('feed_measure_values') }}
    where period_type <> 'month' and basis = 'reported'
),

-- Only neighbouring quarters and years are compared; periods of a table's own may overlap. What starts from nothing
-- each April grows from quarter to quarter, which is no improvement.
compared as (
    select
        figures.*,
        case
            when measures.accumulation = 'cumulative_only' then null
            when
                figures.period_type = 'other'
                or figures.earlier_end = {{ days_after('figures.period_start', -1) }}
                then figures.earlier_value
        end as previous_value
    from figures
    left join {{ ref('dim_measures') }} as measures on measures.measure_id = figures.measure_id
),

targets_in_force as (
    select
        compared.measure_id,
        compared.unit_id,
        compared.area_id,
        compared.period_type,
        compared.period_start,
        targets.target,
        targets.tolerance,
        targets.valid_from,
        row_number() over (
            partition by
                compared.measure_id,
                compared.unit_id,
                compared.area_id,
                compared.period_type,
                compared.period_start
            order by targets.valid_from desc
        ) as recency
    from compared
    inner join {{ ref('dim_targets') }} as targets
        on
            targets.measure_id = compared.measure_id
            and targets.unit_id = compared.unit_id
            and targets.valid_from <= compared.period_end
            and coalesce(targets.valid_to, compared.period_end) >= compared.period_end
    where compared.area_id = ''
),

judged as (
    select
        compared.*,
        compared.value - compared.previous_value as change,
        targets_in_force.target,
        targets_in_force.tolerance,
        targets_in_force.valid_from as target_valid_from,
        -- How far the value is on the wrong side of its target: nothing or less means that the target is met.
        case compared.polarity
            when 'higher' then targets_in_force.target - compared.value
            when 'lower' then compared.value - targets_in_force.target
            when 'toward_zero' then abs(compared.value) - abs(targets_in_force.target)
        end as shortfall,
        -- How far the value has moved the right way.
        case compared.polarity
            when 'higher' then compared.value - compared.previous_value
            when 'lower' then compared.previous_value - compared.value
            when 'toward_zero' then abs(compared.previous_value) - abs(compared.value)
        end as gain
    from compared
    left join targets_in_force
        on
            targets_in_force.measure_id = compared.measure_id
            and targets_in_force.unit_id = compared.unit_id
            and targets_in_force.area_id = compared.area_id
            and targets_in_force.period_type = compared.period_type
            and targets_in_force.period_start = compared.period_start
            and targets_in_force.recency = 1
)

select
    council,
    measure_id,
    measure_name,
    outcome_id,
    outcome_name,
    domain,
    unit_id,
    unit_name,
    unit_level,
    area_id,
    period_type,
    period_start,
    period_end,
    period_code,
    period_label,
    numerator,
    denominator,
    value,
    value_unit,
    decimal_places,
    polarity,
    previous_value,
    cast(change as decimal(18, 4)) as change,
    case
        when previous_value is null then 'no_comparison'
        when change = 0 or gain = 0 then 'no_change'
        when gain > 0 then 'better'
        when gain < 0 then 'worse'
        when change > 0 then 'higher'
        else 'lower'
    end as direction_of_travel,
    target,
    tolerance,
    target_valid_from,
    case
        when shortfall is null then 'no_target'
        when shortfall <= 0 then 'on_target'
        when shortfall <= tolerance then 'within_tolerance'
        else 'off_target'
    end as status,
    is_provisional
from judged
order by measure_id, unit_id, area_id, period_type, period_start
