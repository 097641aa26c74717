-- The period for which a published value stands. A value whose days are those of a period of the measure's frequency is
-- that period's; a rolling or cumulative value belongs to the period that ends with it, a point in time to the period
-- in which it lies, the latest there is; a month's value also stands for the quarter that ends with it. Any other is a
-- period of its own; of several such that begin on one day the longest stands.
with published as (
    select
        indicator_values.measure_id,
        measures.frequency,
        measures.accumulation,
        indicator_values.period_text,
        indicator_values.period_start,
        indicator_values.period_end
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
        published.measure_id,
        coalesce(periods.period_type, 'other') as period_type,
        coalesce(periods.period_start, published.period_start) as period_start,
        coalesce(periods.period_end, published.period_end) as period_end,
        coalesce(periods.period_code, published.period_text) as period_code,
        coalesce(periods.period_label, published.period_text) as period_label,
        published.period_start as published_start,
        published.period_end as counted_on
    from published
    left join {{ ref('dim_periods') }} as periods
        on
            (
                periods.period_type = published.frequency
                or (published.frequency = 'month' and periods.period_type = 'quarter')
            )
            and (
                (periods.period_end = published.period_end and periods.period_start = published.period_start)
                or (periods.period_end = published.period_end and published.accumulation <> 'in_period')
                or (
                    published.accumulation = 'point_in_time'
                    and periods.period_type = published.frequency
                    and periods.period_start <= published.period_start
                    and periods.period_end >= published.period_end
                )
            )
    left join calendar on calendar.period_type = published.frequency
    where
        periods.period_type is not null
        or calendar.first_start is null
        or published.period_start >= calendar.first_start
),

ranked as (
    select
        *,
        row_number() over (
            partition by measure_id, period_type, period_start order by counted_on desc, published_start asc
        ) as place
    from placed
)

select
    measure_id,
    period_type,
    period_start,
    period_end,
    period_code,
    period_label,
    counted_on
from ranked
where place = 1
order by measure_id, period_type, period_start
