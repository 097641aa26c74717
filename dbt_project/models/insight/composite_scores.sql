-- What an outcome's composite is made of: each measure in each quarter on a scale of its own history, from 0 (the worst
-- figure it has ever had) to 100 (the best), by its polarity. Where neighbours can be compared, it is the share of them
-- that the council is better than, which says more. A yearly figure, or one that others publish, stands until the next
-- one, for two years at most; one that grows through the year is compared with the same quarter of other years. A
-- context measure has no better and worse and is left out.
{% set fewest_points = 5 %}
with published_measures as (
    select distinct measure_id
    from {{ ref('dim_indicators') }}
),

quarters as (
    select
        periods.period_start,
        periods.period_end,
        periods.period_code,
        periods.period_label,
        council.root_unit_id
    from {{ ref('dim_periods') }} as periods
    inner join {{ ref('dim_council') }} as council
        on
            periods.period_type = 'quarter'
            and periods.period_start >= council.first_period_start
            and periods.period_end <= council.reporting_period_end
),

expected as (
    select
        measures.measure_id,
        measures.outcome_id,
        measures.polarity,
        coalesce(measures.weight, 1) as weight,
        published_measures.measure_id is not null as is_published,
        quarters.period_start,
        quarters.period_end,
        quarters.period_code,
        quarters.period_label,
        quarters.root_unit_id
    from {{ ref('dim_measures') }} as measures
    inner join quarters
        on
            measures.valid_from <= quarters.period_end
            and coalesce(measures.valid_to, quarters.period_end) >= quarters.period_end
    left join published_measures on published_measures.measure_id = measures.measure_id
    where measures.polarity <> 'context'
),

figures as (
    select
        figures.measure_id,
        figures.period_type,
        figures.period_start,
        figures.period_end,
        figures.period_label,
        figures.value,
        case measures.polarity
            when 'higher' then figures.value
            when 'lower' then -figures.value
            else -abs(figures.value)
        end as goodness,
        case
            when measures.accumulation in ('cumulative', 'cumulative_only')
                then extract(month from figures.period_start)
            else 0
        end as season
    from {{ ref('measure_values') }} as figures
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = figures.measure_id
    inner join {{ ref('dim_council') }} as council on council.root_unit_id = figures.unit_id
    where figures.area_id = '' and figures.basis = 'reported' and figures.period_type <> 'month'
),

ranges as (
    select
        measure_id,
        season,
        min(goodness) as worst_goodness,
        max(goodness) as best_goodness,
        count(*) as points
    from figures
    group by measure_id, season
),

standing as (
    select
        expected.*,
        figures.period_start as figure_period_start,
        figures.period_end as figure_period_end,
        figures.period_label as figure_period_label,
        figures.value,
        figures.goodness,
        figures.season,
        row_number() over (
            partition by expected.measure_id, expected.period_start
            order by figures.period_end desc, figures.period_start desc
        ) as recency
    from expected
    left join figures
        on
            figures.measure_id = expected.measure_id
            and (
                (figures.period_type = 'quarter' and figures.period_start = expected.period_start)
                or (
                    (figures.period_type <> 'quarter' or expected.is_published)
                    and figures.period_end <= expected.period_end
                    and {{ months_after('figures.period_end', 24) }} >= expected.period_end
                )
            )
),

compared as (
    select
        benchmark.measure_id,
        benchmark.period_start,
        benchmark.period_end,
        max(benchmark.neighbours) as neighbours,
        max(benchmark.percentile) as percentile
    from {{ ref('benchmark') }} as benchmark
    where benchmark.is_comparable and benchmark.quartile is not null
    group by benchmark.measure_id, benchmark.period_start, benchmark.period_end
),

normalised as (
    select
        standing.*,
        ranges.worst_goodness,
        ranges.best_goodness,
        coalesce(ranges.points, 0) as points,
        compared.percentile,
        case
            when standing.value is null then 'none'
            when compared.percentile is not null then 'neighbours'
            when ranges.points >= {{ fewest_points }} and ranges.best_goodness > ranges.worst_goodness
                then 'own_history'
            else 'none'
        end as method
    from standing
    left join ranges on ranges.measure_id = standing.measure_id and ranges.season = standing.season
    left join compared
        on
            compared.measure_id = standing.measure_id
            and compared.period_start = standing.figure_period_start
            and compared.period_end = standing.figure_period_end
    where standing.recency = 1
)

select
    outcome_id,
    measure_id,
    period_start,
    period_end,
    period_code,
    period_label,
    figure_period_label,
    value,
    polarity,
    weight,
    method,
    points,
    case polarity when 'higher' then worst_goodness else -worst_goodness end as worst_value,
    case polarity when 'higher' then best_goodness else -best_goodness end as best_value,
    cast(
        case method
            when 'neighbours' then percentile
            when 'own_history'
                then
                    100 * cast(goodness - worst_goodness as double)
                    / cast(best_goodness - worst_goodness as double)
        end as decimal(5, 1)
    ) as score,
    case
        when method <> 'none' then ''
        when value is null then 'no figure'
        when points < {{ fewest_points }} then 'too few points'
        else 'always the same'
    end as reason_unscored
from normalised
order by outcome_id, measure_id, period_start
