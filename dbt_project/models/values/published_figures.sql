-- Published values of the council's own area as figures of the whole council. A value whose days are those of a period
-- of the measure's frequency is that period's; a rolling, cumulative or point-in-time value belongs to the period that
-- ends with it; any other is a period of its own. Of several such that begin on one day the longest stands.
with figures as (
    select
        indicator_values.measure_id,
        measures.frequency,
        measures.accumulation,
        measures.decimal_places,
        indicator_values.period_text,
        indicator_values.period_start,
        indicator_values.period_end,
        indicator_values.value,
        indicator_values.extract_id,
        indicator_values.source_row
    from {{ ref('fct_indicator_values') }} as indicator_values
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = indicator_values.measure_id
    inner join {{ ref('dim_council') }} as council on indicator_values.period_end <= council.reporting_period_end
    where indicator_values.area_role = 'own' and indicator_values.exclusion_reason is null
),

calendar as (
    select
        period_type,
        min(period_start) as first_start
    from {{ ref('dim_periods') }}
    group by period_type
),

placed as (
    select
        figures.measure_id,
        coalesce(periods.period_type, 'other') as period_type,
        coalesce(periods.period_start, figures.period_start) as period_start,
        figures.period_end,
        coalesce(periods.period_code, figures.period_text) as period_code,
        coalesce(periods.period_label, figures.period_text) as period_label,
        figures.decimal_places,
        figures.value,
        figures.extract_id,
        figures.source_row,
        row_number() over (
            partition by
                figures.measure_id,
                coalesce(periods.period_type, 'other'),
                coalesce(periods.period_start, figures.period_start)
            order by figures.period_end desc, figures.period_start asc, figures.source_row asc
        ) as place
    from figures
    left join {{ ref('dim_periods') }} as periods
        on
            (periods.period_type = figures.frequency or (figures.frequency = 'month' and periods.period_type = 'quarter'))
            and periods.period_end = figures.period_end
            and (periods.period_start = figures.period_start or figures.accumulation <> 'in_period')
    left join calendar on calendar.period_type = figures.frequency
    where
        periods.period_type is not null
        or calendar.first_start is null
        or figures.period_start >= calendar.first_start
)

select
    placed.measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    placed.period_type,
    placed.period_start,
    placed.period_end,
    placed.period_code,
    placed.period_label,
    {{ round_to('placed.value', 'placed.decimal_places') }} as value,
    placed.extract_id,
    placed.source_row
from placed
cross join {{ ref('dim_council') }} as council
where placed.place = 1
