-- Each published figure of the council beside those of its neighbours for the same period: from national tables of
-- indicators and from the neighbours' own figures. A neighbour counts while it belongs to the set, at the period's end.
-- Figures are compared as they are published, at the measure's precision. Totals are shown and not judged, because
-- larger places have larger ones; so are context measures, of which neither end is better.
with benchmark_sets as (
    select distinct neighbour_set
    from {{ ref('dim_neighbours') }}
),

figures as (
    select
        measure_id,
        coalesce(neighbour_set, '') as neighbour_set,
        area_code,
        area_name,
        area_role = 'own' as is_own,
        period_start,
        period_end,
        period_text as period_label,
        value
    from {{ ref('fct_indicator_values') }}
    where exclusion_reason is null and area_role in ('own', 'neighbour')

    union all

    select
        benchmarks.measure_id,
        benchmark_sets.neighbour_set,
        benchmarks.area_code,
        coalesce(neighbours.area_name, benchmarks.area_name) as area_name,
        benchmarks.area_code = council.area_code as is_own,
        periods.period_start,
        periods.period_end,
        periods.period_label,
        benchmarks.value
    from {{ ref('stg_benchmarks__values') }} as benchmarks
    inner join {{ ref('dim_periods') }} as periods
        on periods.period_type = benchmarks.period_type and periods.period_start = benchmarks.period_start
    cross join benchmark_sets
    cross join {{ ref('dim_council') }} as council
    left join {{ ref('dim_neighbours') }} as neighbours
        on
            neighbours.neighbour_set = benchmark_sets.neighbour_set
            and neighbours.area_code = benchmarks.area_code
            and coalesce(neighbours.valid_from <= periods.period_end, true)
            and coalesce(neighbours.valid_to >= periods.period_end, true)
    left join {{ ref('dim_indicators') }} as indicators on indicators.measure_id = benchmarks.measure_id
    where
        benchmarks.value is not null
        and indicators.measure_id is null
        and (benchmarks.area_code = council.area_code or neighbours.area_code is not null)
),

rounded as (
    select
        figures.measure_id,
        figures.neighbour_set,
        figures.area_code,
        figures.area_name,
        figures.is_own,
        figures.period_start,
        figures.period_end,
        figures.period_label,
        measures.polarity,
        measures.decimal_places,
        measures.value_unit not in ('count', 'kilotonnes', 'gbp')
        or measures.denominator_label is not null as is_comparable,
        {{ round_to('figures.value', 'measures.decimal_places') }} as value
    from figures
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = figures.measure_id
    inner join {{ ref('dim_council') }} as council on figures.period_end <= council.reporting_period_end
),

-- The less, the better, whatever the measure; null where nothing is judged.
judged as (
    select
        *,
        case
            when not is_comparable then null
            when polarity = 'higher' then -value
            when polarity = 'lower' then value
            when polarity = 'toward_zero' then abs(value)
        end as badness
    from rounded
),

placed as (
    select
        *,
        row_number() over (
            partition by measure_id, neighbour_set, period_start, period_end, is_own
            order by badness asc, area_name asc, area_code asc
        ) as place
    from judged
),

compared as (
    select
        own.measure_id,
        own.neighbour_set,
        own.period_start,
        own.period_end,
        own.period_label,
        own.polarity,
        own.decimal_places,
        own.is_comparable,
        own.value,
        own.badness,
        count(*) as neighbours,
        cast(median(cast(others.value as double)) as decimal(28, 10)) as median_value,
        cast(
            percentile_cont(0.25) within group (order by cast(others.value as double)) as decimal(28, 10)
        ) as lower_quartile,
        cast(
            percentile_cont(0.75) within group (order by cast(others.value as double)) as decimal(28, 10)
        ) as upper_quartile,
        cast(
            percentile_cont(0.25) within group (order by cast(others.badness as double)) as decimal(28, 10)
        ) as best_quarter,
        cast(median(cast(others.badness as double)) as decimal(28, 10)) as middle,
        cast(
            percentile_cont(0.75) within group (order by cast(others.badness as double)) as decimal(28, 10)
        ) as worst_quarter,
        count(case when others.badness > own.badness then 1 end) as doing_worse,
        count(case when others.badness < own.badness then 1 end) as doing_better,
        max(case when others.place = 1 and own.badness is not null then others.area_name end) as best_area_name,
        max(case when others.place = 1 and own.badness is not null then others.value end) as best_value
    from placed as own
    inner join placed as others
        on
            others.measure_id = own.measure_id
            and others.neighbour_set = own.neighbour_set
            and others.period_start = own.period_start
            and others.period_end = own.period_end
            and not others.is_own
    where own.is_own
    group by
        own.measure_id,
        own.neighbour_set,
        own.period_start,
        own.period_end,
        own.period_label,
        own.polarity,
        own.decimal_places,
        own.is_comparable,
        own.value,
        own.badness
)

select
    measure_id,
    neighbour_set,
    period_start,
    period_end,
    period_label,
    value,
    neighbours,
    {{ round_to('median_value', 'decimal_places') }} as median_value,
    {{ round_to('lower_quartile', 'decimal_places') }} as lower_quartile,
    {{ round_to('upper_quartile', 'decimal_places') }} as upper_quartile,
    case
        when badness is not null
            then cast(round(cast(100 * doing_worse as double) / neighbours, 1) as decimal(5, 1))
    end as percentile,
    case
        when badness is null or neighbours < 4 then null  -- four quarters need four
        when badness <= best_quarter then 1
        when badness <= middle then 2
        when badness <= worst_quarter then 3
        else 4
    end as quartile,
    case when badness is not null then doing_better + 1 end as rank,
    case
        when badness is not null and polarity = 'toward_zero'
            then {{ round_to('badness - middle', 'decimal_places') }}
        when badness is not null then {{ round_to('value - median_value', 'decimal_places') }}
    end as gap_to_median,
    case polarity
        when 'higher' then {{ round_to('-badness - upper_quartile', 'decimal_places') }}
        when 'lower' then {{ round_to('badness - lower_quartile', 'decimal_places') }}
        when 'toward_zero' then {{ round_to('badness - best_quarter', 'decimal_places') }}
    end as gap_to_top_quartile,
    best_area_name,
    best_value,
    is_comparable,
    row_number() over (
        partition by measure_id, neighbour_set order by period_end desc, period_start asc
    ) = 1 as is_newest
from compared
order by measure_id, neighbour_set, period_start, period_end
