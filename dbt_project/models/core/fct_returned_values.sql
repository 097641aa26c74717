-- The newest return that says something about a measure, unit and period is in force, be it a value or a reason for
-- none. A series that has begun is expected in each of its measure's periods until its unit or measure ends: where a
-- period is missing, 'not_returned' stands in its place.
with newest as (
    select *
    from (
        select
            *,
            row_number() over (
                partition by measure_id, unit_code, period_start order by return_period_start desc, source_row desc
            ) as recency
        from {{ ref('stg_plan__measure_values') }}
    ) as returned
    where recency = 1
),

series as (
    select
        measure_id,
        unit_code,
        min(period_start) as first_start
    from newest
    group by measure_id, unit_code
),

expected as (
    select
        series.measure_id,
        series.unit_code,
        periods.period_start,
        quarters.period_start as return_period_start
    from series
    cross join {{ ref('dim_council') }} as council
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = series.measure_id
    inner join {{ ref('dim_units') }} as units on units.unit_id = series.unit_code
    inner join {{ ref('dim_periods') }} as periods
        on
            periods.period_type = measures.frequency
            and periods.period_start >= series.first_start
            and periods.period_end <= council.reporting_period_end
            and periods.period_start <= coalesce(measures.valid_to, periods.period_start)
            and periods.period_start <= coalesce(units.valid_to, periods.period_start)
    inner join {{ ref('dim_periods') }} as quarters
        on
            quarters.period_type = 'quarter'
            and periods.period_end between quarters.period_start and quarters.period_end
),

with_gaps as (
    select
        measure_id,
        unit_code,
        period_start,
        numerator,
        denominator,
        value,
        is_provisional,
        missing_reason,
        return_period_start,
        extract_id,
        source_row
    from newest

    union all

    select
        expected.measure_id,
        expected.unit_code,
        expected.period_start,
        cast(null as decimal(18, 4)) as numerator,
        cast(null as decimal(18, 4)) as denominator,
        cast(null as decimal(18, 4)) as value,
        cast(null as boolean) as is_provisional,
        'not_returned' as missing_reason,
        expected.return_period_start,
        cast(null as string) as extract_id,
        cast(null as bigint) as source_row
    from expected
    left join newest
        on
            newest.measure_id = expected.measure_id
            and newest.unit_code = expected.unit_code
            and newest.period_start = expected.period_start
    where newest.measure_id is null
)

select
    with_gaps.measure_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    with_gaps.period_start,
    case when with_gaps.missing_reason is null then with_gaps.numerator end as numerator,
    case when with_gaps.missing_reason is null then with_gaps.denominator end as denominator,
    case when with_gaps.missing_reason is null then with_gaps.value end as value,
    coalesce(with_gaps.is_provisional, false) as is_provisional,
    with_gaps.missing_reason,
    with_gaps.return_period_start,
    with_gaps.extract_id,
    with_gaps.source_row
from with_gaps
left join {{ ref('dim_units') }} as units on units.unit_id = with_gaps.unit_code
order by with_gaps.measure_id, with_gaps.unit_code, with_gaps.period_start
