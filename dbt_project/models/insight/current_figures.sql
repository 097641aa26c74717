-- What stands for each measure and unit now: the figure of the reporting period or, of a measure that is not reported
-- every quarter or that others publish, its newest; with its target, what the process limits say, and both in words.
-- A point that is a signal counts while it lies in the span of that figure.
{#- The limits are not clamped, but nobody is told of 110 % or of less than nothing. -#}
{%- set lower_limit -%}
case when signals.value >= 0 and signals.lower_limit < 0 and figures.polarity <> 'toward_zero' then 0
        else signals.lower_limit end
{%- endset -%}
{%- set upper_limit -%}
case when signals.value <= 100 and signals.upper_limit > 100 and figures.value_unit = 'percent' then 100
        else signals.upper_limit end
{%- endset -%}
{%- set usual_range -%}
{{ value_text(lower_limit, 'figures.value_unit', 'figures.decimal_places') }} || ' to '
    || {{ value_text(upper_limit, 'figures.value_unit', 'figures.decimal_places') }}
{%- endset -%}
{%- set verdict -%}
case signals.point_type
        when 'special_cause_improvement' then ': better than usual'
        when 'special_cause_concern' then ': worse than usual'
        else ': a real change'
    end
    || case when signals.signal_points > 1 then ' since ' || coalesce(since.period_label, {{ month_text('signals.signal_since') }})
        else '' end
{%- endset %}
with published_measures as (
    select distinct measure_id
    from {{ ref('dim_indicators') }}
),

dated as (
    select
        status.*,
        row_number() over (
            partition by status.measure_id, status.unit_id
            order by status.period_end desc, status.period_start asc
        ) as recency
    from {{ ref('feed_measure_status') }} as status
    inner join {{ ref('dim_council') }} as council on status.period_end <= council.reporting_period_end
    left join published_measures on published_measures.measure_id = status.measure_id
    where
        status.area_id = ''
        and (
            status.period_type <> 'quarter'
            or status.period_start = council.reporting_period_start
            or published_measures.measure_id is not null
        )
),

described as (
    select
        figures.measure_id,
        figures.measure_name,
        figures.outcome_id,
        figures.domain,
        figures.unit_id,
        figures.unit_name,
        figures.unit_level,
        figures.period_type,
        figures.period_start,
        figures.period_end,
        figures.period_label,
        figures.numerator,
        figures.denominator,
        figures.value,
        figures.value_unit,
        figures.decimal_places,
        figures.polarity,
        figures.is_provisional,
        figures.target,
        figures.tolerance,
        figures.status,
        signals.period_start as signal_period_start,
        signals.basis as signal_basis,
        signals.value as signal_value,
        signals.mean,
        signals.lower_limit,
        signals.upper_limit,
        signals.points,
        coalesce(signals.are_limits_provisional, false) as are_limits_provisional,
        signals.special_cause,
        signals.point_type,
        signals.signal_since,
        signals.signal_points,
        signals.assurance,
        coalesce(signals.is_current_concern, false) as is_signal,
        coalesce(figures.value_unit = 'percent' and signals.denominator < {{ var('fewest_cases') }}, false)
            as has_too_few_cases,
        case
            when signals.measure_id is null
                then
                    {{ value_text('figures.value', 'figures.value_unit', 'figures.decimal_places') }}
                    || ' in ' || figures.period_label || '; no usual range is known.'
            else
                {{ value_text('signals.value', 'figures.value_unit', 'figures.decimal_places') }}
                || case
                    -- Money is no number of cases: where the denominator counts nothing, it is not called small.
                    when figures.value_unit = 'percent' and signals.is_small_denominator
                        then
                            ' (' || {{ number_text('signals.numerator', 0) }} || ' of '
                            || {{ number_text('signals.denominator', 0) }} || ')'
                    else ''
                end
                || ' in ' || signals.period_label
                || case when signals.basis = 'in_period' then ' alone, ' else ', ' end
                || case
                    when signals.point_type = 'insufficient_variation'
                        then 'with too little variation for a usual range'
                    when signals.special_cause = 'outside'
                        then
                            case when signals.value > signals.upper_limit then 'above' else 'below' end
                            || ' the usual range of ' || {{ usual_range }} || {{ verdict }}
                    when signals.special_cause = 'trend'
                        then 'going one way for seven points or more' || {{ verdict }}
                    when signals.special_cause = 'two_of_three'
                        then
                            'again close to the '
                            || case when signals.value > signals.mean then 'upper' else 'lower' end
                            || ' end of the usual range of ' || {{ usual_range }} || {{ verdict }}
                    when signals.special_cause = 'run'
                        then
                            'for seven points or more '
                            || case when signals.value > signals.mean then 'above' else 'below' end
                            || ' the average of '
                            || {{ value_text('signals.mean', 'figures.value_unit', 'figures.decimal_places') }}
                            || {{ verdict }}
                    when signals.is_current_concern
                        then
                            'within the usual range of ' || {{ usual_range }}
                            || ' again, after being worse than usual earlier in the quarter'
                    else 'within the usual range of ' || {{ usual_range }}
                end
                || case
                    when signals.are_limits_provisional and signals.point_type <> 'insufficient_variation'
                        then ' (from ' || cast(signals.points as string) || ' points only)'
                    else ''
                end || '.'
                || case
                    when
                        signals.is_current_concern
                        and figures.value_unit = 'percent'
                        and signals.denominator < {{ var('fewest_cases') }}
                        then ' Too few cases to call it a concern.'
                    else ''
                end
        end as signal_sentence
    from dated as figures
    left join {{ ref('spc_signals') }} as signals
        on
            signals.measure_id = figures.measure_id
            and signals.unit_id = figures.unit_id
            and signals.area_id = ''
            and signals.period_end between figures.period_start and figures.period_end
    left join {{ ref('dim_periods') }} as since
        on since.period_type = signals.period_type and since.period_start = signals.signal_since
    where figures.recency = 1
)

select
    measure_id,
    measure_name,
    outcome_id,
    domain,
    unit_id,
    unit_name,
    unit_level,
    period_type,
    period_start,
    period_end,
    period_label,
    numerator,
    denominator,
    value,
    value_unit,
    decimal_places,
    polarity,
    is_provisional,
    target,
    tolerance,
    status,
    signal_period_start,
    signal_basis,
    signal_value,
    mean,
    lower_limit,
    upper_limit,
    points,
    are_limits_provisional,
    special_cause,
    point_type,
    signal_since,
    signal_points,
    assurance,
    case
        when is_signal and not has_too_few_cases then 'concern'
        when status = 'off_target' then 'off_target'
        when point_type = 'special_cause_improvement' then 'improvement'
        else 'usual'
    end as state,
    is_signal
    and not has_too_few_cases
    and point_type = 'special_cause_concern'
    and signal_points >= 2 as is_lasting_concern,
    measure_name || ': ' || signal_sentence || case
        when target is null then ''
        else
            ' ' || {{ value_text('value', 'value_unit', 'decimal_places') }} || ' in ' || period_label
            || ' against a target of ' || {{ value_text('target', 'value_unit', 'decimal_places') }} || ': '
            || case status
                when 'on_target' then 'on target'
                when 'within_tolerance' then 'within tolerance'
                else 'off target'
            end || '.'
    end as sentence
from described
order by measure_id, unit_id
