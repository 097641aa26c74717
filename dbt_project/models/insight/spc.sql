-- Every measure's own history, at its own frequency, with process limits. A rolling or cumulative measure is looked at
-- by the period alone: figures that repeat most of the one before hardly differ, and limits from such differences would
-- flag nearly every point.
-- Limits start afresh with an intervention that was declared to change the process, for its unit and all below it. The
-- period in which it started still belongs to what was before.
{%- set passed_on = [
    'measure_id', 'unit_id', 'area_id', 'period_type', 'period_start', 'period_end', 'period_code', 'period_label',
    'basis', 'numerator', 'denominator', 'value', 'is_small_denominator', 'is_provisional',
] %}
with bases as (
    select
        measure_id,
        min(basis) as basis
    from {{ ref('measure_windows') }}
    group by measure_id
),

figures as (
    select
        figures.*,
        measures.polarity
    from {{ ref('measure_values') }} as figures
    inner join bases on bases.measure_id = figures.measure_id and bases.basis = figures.basis
    inner join {{ ref('dim_measures') }} as measures
        on
            measures.measure_id = figures.measure_id
            and (measures.frequency = figures.period_type or figures.period_type = 'other')
            -- What starts from nothing each April, and says nothing by the month, is no process with limits.
            and measures.accumulation <> 'cumulative_only'
),

rebases as (
    select
        interventions.measure_id,
        units.unit_id,
        interventions.starts_on
    from {{ ref('dim_interventions') }} as interventions
    inner join {{ ref('bridge_unit_ancestors') }} as units on units.ancestor_unit_id = interventions.unit_id
    where interventions.rebases and interventions.status <> 'planned'
),

points as (
    select
        {%- for column in passed_on %}
        figures.{{ column }},
        {%- endfor %}
        figures.polarity,
        cast(null as int) as fix_after,
        true as is_screened,
        count(rebases.starts_on) as rebases
    from figures
    left join rebases
        on
            rebases.measure_id = figures.measure_id
            and rebases.unit_id = figures.unit_id
            and rebases.starts_on <= figures.period_start
    group by
        {%- for column in passed_on %}
        figures.{{ column }},
        {%- endfor %}
        figures.polarity
),

classified as (
    select *
    from (
        {{ xmr('points', ['measure_id', 'unit_id', 'area_id'], ['period_start', 'period_end']) | indent(8) }}
    ) as classified
)

select
    classified.measure_id,
    classified.unit_id,
    classified.area_id,
    classified.period_type,
    classified.period_start,
    classified.period_end,
    classified.period_code,
    classified.period_label,
    classified.basis,
    classified.numerator,
    classified.denominator,
    classified.value,
    classified.is_small_denominator,
    classified.is_provisional,
    cast(classified.process_group as int) as process_group,
    cast(classified.points as int) as points,
    classified.mean,
    classified.average_moving_range,
    classified.lower_limit,
    classified.upper_limit,
    classified.lower_near_limit,
    classified.upper_near_limit,
    coalesce(classified.are_limits_provisional, false) as are_limits_provisional,
    classified.special_cause,
    classified.point_type,
    cast(classified.recency as int) as recency,
    classified.period_end between council.reporting_period_start and council.reporting_period_end
        as is_in_reporting_period
from classified
cross join {{ ref('dim_council') }} as council
order by
    classified.measure_id, classified.unit_id, classified.area_id, classified.period_start, classified.period_end
