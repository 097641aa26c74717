-- Which span of days each measure adds up for each period that it reports: the period itself, the twelve months to its
-- end, the financial year so far, or the last month or quarter in it. A published value counts on one day.
-- A month or quarter of a measure that adds up more than itself also has the days of its own (basis in_period): each
-- rolling or cumulative figure repeats most of the one before it, which hides what changed and misleads statistics.
-- Months and quarters begin with the first period that was landed whole, nothing reaches beyond the reporting period,
-- and a measure that has lost a dataset in the reporting period has no figure for it: half of its inputs would make a
-- wrong one.
with returns_missing as (
    select distinct measure_datasets.measure_id
    from {{ ref('measure_datasets') }} as measure_datasets
    inner join {{ ref('dim_datasets') }} as datasets
        on datasets.system = measure_datasets.system and datasets.dataset = measure_datasets.dataset
    where datasets.is_missing
),

published_measures as (
    select distinct measure_id
    from {{ ref('dim_indicators') }}
),

bases as (
    select 'reported' as basis

    union all

    select 'in_period' as basis
),

spans as (
    select
        measures.measure_id,
        bases.basis,
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.period_code,
        periods.period_label,
        measures.frequency,
        case
            when bases.basis = 'in_period' then periods.period_start
            when measures.accumulation = 'rolling_12_months'
                then {{ months_after(days_after('periods.period_end', 1), -12) }}
            when measures.accumulation in ('cumulative', 'cumulative_only') then periods.financial_year_start
            when measures.accumulation = 'point_in_time' and measures.frequency = 'month'
                then {{ month_start('periods.period_end') }}
            else periods.period_start
        end as window_start,
        periods.period_end as window_end
    from {{ ref('dim_measures') }} as measures
    inner join bases
        on
            bases.basis = 'reported'
            or (
                measures.accumulation in ('rolling_12_months', 'cumulative')
                and measures.frequency in ('month', 'quarter')
            )
    inner join {{ ref('dim_periods') }} as periods
        on
            (
                periods.period_type = measures.frequency
                or (measures.frequency = 'month' and periods.period_type = 'quarter')
            )
            and periods.period_end >= measures.valid_from
            and periods.period_start <= coalesce(measures.valid_to, periods.period_start)
    left join published_measures on published_measures.measure_id = measures.measure_id
    where published_measures.measure_id is null
),

months as (
    select
        period_start,
        period_end
    from {{ ref('dim_periods') }}
    where period_type = 'month'
),

windows as (
    select
        spans.measure_id,
        spans.basis,
        spans.period_type,
        spans.period_start,
        spans.period_end,
        spans.period_code,
        spans.period_label,
        spans.window_start,
        spans.window_end,
        case when spans.frequency = 'month' then count(months.period_start) end as months_expected
    from spans
    cross join {{ ref('dim_council') }} as council
    left join returns_missing on returns_missing.measure_id = spans.measure_id
    left join months on months.period_start >= spans.window_start and months.period_end <= spans.window_end
    where
        spans.period_end <= council.reporting_period_end
        and (spans.period_type not in ('month', 'quarter') or spans.window_start >= council.first_period_start)
        and (returns_missing.measure_id is null or spans.period_end < council.reporting_period_start)
    group by
        spans.measure_id,
        spans.basis,
        spans.period_type,
        spans.period_start,
        spans.period_end,
        spans.period_code,
        spans.period_label,
        spans.window_start,
        spans.window_end,
        spans.frequency

    union all

    select
        measure_id,
        'reported' as basis,
        period_type,
        period_start,
        period_end,
        period_code,
        period_label,
        counted_on as window_start,
        counted_on as window_end,
        cast(null as bigint) as months_expected
    from {{ ref('published_windows') }}
)

select
    measure_id,
    basis,
    period_type,
    period_start,
    period_end,
    period_code,
    period_label,
    window_start,
    window_end,
    months_expected
from windows
order by measure_id, basis, period_type, period_start
