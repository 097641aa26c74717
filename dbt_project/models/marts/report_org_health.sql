-- The council on one page: each measure for the reporting period beside the quarter and the year before, its target,
-- the services behind it and its neighbours. A measure that is not reported every quarter, or that others publish in
-- their own time, stands with its newest value.
with published_measures as (
    select distinct measure_id
    from {{ ref('dim_indicators') }}
),

council_figures as (
    select
        status.*,
        row_number() over (
            partition by status.measure_id order by status.period_end desc, status.period_start asc
        ) as recency
    from {{ ref('feed_measure_status') }} as status
    inner join {{ ref('dim_council') }} as council
        on
            council.root_unit_id = status.unit_id
            and status.period_end <= council.reporting_period_end
    left join published_measures on published_measures.measure_id = status.measure_id
    where
        status.area_id = ''
        and (
            status.period_type <> 'quarter'
            or status.period_start = council.reporting_period_start
            or published_measures.measure_id is not null
        )
),

newest_figures as (
    select *
    from council_figures
    where recency = 1
),

units_of_current as (
    select
        units.measure_id,
        units.unit_id,
        units.unit_name,
        units.unit_level,
        units.numerator,
        units.denominator,
        units.value,
        units.status,
        case units.polarity
            when 'higher' then -units.value
            when 'lower' then units.value
            when 'toward_zero' then abs(units.value)
        end as badness,
        case
            when units.status <> 'off_target' then null
            when units.polarity = 'higher' then units.target - units.value
            when units.polarity = 'lower' then units.value - units.target
            else abs(units.value) - abs(units.target)
        end as shortfall
    from {{ ref('feed_measure_status') }} as units
    inner join newest_figures
        on
            newest_figures.measure_id = units.measure_id
            and newest_figures.period_type = units.period_type
            and newest_figures.period_start = units.period_start
            and newest_figures.unit_id <> units.unit_id
    where units.area_id = ''
),

unit_targets as (
    select
        measure_id,
        count(case when status <> 'no_target' then unit_id end) as units_with_target,
        count(case when status = 'off_target' then unit_id end) as units_off_target
    from units_of_current
    group by measure_id
),

-- The unit furthest off its own target; where none is, the service with the worst value.
worst_units as (
    select
        measure_id,
        unit_id,
        unit_name,
        numerator,
        denominator,
        value,
        row_number() over (
            partition by measure_id
            order by coalesce(shortfall, -1) desc, badness desc, denominator desc, unit_id asc
        ) as place
    from units_of_current
    where badness is not null and (shortfall is not null or unit_level = 'service')
),

-- Published measures stand beside their neighbours of the newest period that the council itself has in the table.
neighbours as (
    select
        benchmark.measure_id,
        benchmark.median_value as comparator_median,
        benchmark.neighbours as comparator_count
    from {{ ref('benchmark') }} as benchmark
    inner join {{ ref('dim_indicators') }} as indicators
        on
            indicators.measure_id = benchmark.measure_id
            and coalesce(indicators.neighbour_set, '') = benchmark.neighbour_set
    where benchmark.is_newest
),

measures_in_force as (
    select measures.*
    from {{ ref('dim_measures') }} as measures
    inner join {{ ref('dim_council') }} as council
        on
            measures.valid_from <= council.reporting_period_end
            and coalesce(measures.valid_to, council.reporting_period_start) >= council.reporting_period_start
)

select
    council.council_label as council,
    measures.domain,
    domains.domain_name,
    domains.domain_order,
    measures.measure_id,
    measures.measure_name,
    measures.numerator_label,
    measures.denominator_label,
    measures.value_unit,
    measures.decimal_places,
    measures.polarity,
    coalesce(newest_figures.period_start, quarters.period_start) as period_start,
    coalesce(newest_figures.period_end, quarters.period_end) as period_end,
    coalesce(newest_figures.period_code, quarters.period_code) as period_code,
    coalesce(newest_figures.period_label, quarters.period_label) as period_label,
    newest_figures.value is not null as is_reported,
    newest_figures.numerator,
    newest_figures.denominator,
    newest_figures.value,
    coalesce(newest_figures.is_provisional, false) as is_provisional,
    newest_figures.previous_value,
    year_before.value as year_ago_value,
    coalesce(newest_figures.direction_of_travel, 'no_comparison') as direction_of_travel,
    newest_figures.target,
    newest_figures.tolerance,
    coalesce(newest_figures.status, 'no_target') as status,
    coalesce(unit_targets.units_off_target, 0) as units_off_target,
    coalesce(unit_targets.units_with_target, 0) as units_with_target,
    worst_units.unit_id as worst_unit_id,
    worst_units.unit_name as worst_unit_name,
    worst_units.numerator as worst_unit_numerator,
    worst_units.denominator as worst_unit_denominator,
    worst_units.value as worst_unit_value,
    neighbours.comparator_median,
    coalesce(neighbours.comparator_count, 0) as comparator_count,
    signals.point_type as variation,
    signals.special_cause,
    signals.signal_since,
    signals.assurance,
    cast(signals.lower_limit as decimal(18, 4)) as lower_limit,
    cast(signals.upper_limit as decimal(18, 4)) as upper_limit,
    cast(signals.mean as decimal(18, 4)) as mean,
    signals.sentence,
    row_number() over (
        order by
            domains.domain_order,
            case when measures.measure_type = 'strategic' then 0 else 1 end,
            outcomes.display_order,
            measures.measure_id
    ) as display_order
from measures_in_force as measures
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_domains') }} as domains on domains.domain = measures.domain
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = measures.outcome_id
left join {{ ref('dim_periods') }} as quarters
    on quarters.period_type = 'quarter' and quarters.period_start = council.reporting_period_start
left join newest_figures on newest_figures.measure_id = measures.measure_id
left join {{ ref('current_figures') }} as signals
    on signals.measure_id = measures.measure_id and signals.unit_id = council.root_unit_id
left join {{ ref('feed_measure_status') }} as year_before
    on
        year_before.measure_id = newest_figures.measure_id
        and year_before.unit_id = newest_figures.unit_id
        and year_before.area_id = ''
        and year_before.period_type = newest_figures.period_type
        and year_before.period_start = {{ months_after('newest_figures.period_start', -12) }}
left join unit_targets on unit_targets.measure_id = measures.measure_id
left join worst_units on worst_units.measure_id = measures.measure_id and worst_units.place = 1
left join neighbours on neighbours.measure_id = measures.measure_id
order by domains.domain_order, measures.measure_id
