-- Each outcome in one number, never without what it hides: the weighted mean of its measures' scores, how much of their
-- weight has a score, the plain mean, and the weakest measure. With too little of the weight there is no score. There
-- is none for the whole council: outcomes are not added up.
with ranked as (
    select
        *,
        row_number() over (
            partition by outcome_id, period_start order by case when score is null then 1 else 0 end, score, measure_id
        ) as place
    from {{ ref('composite_scores') }}
),

totals as (
    select
        outcome_id,
        period_start,
        period_end,
        period_code,
        period_label,
        sum(case when score is not null then weight * score end) as weighted_score,
        sum(case when score is not null then weight end) as weight_scored,
        sum(weight) as weight_total,
        sum(score) as score_total,
        count(score) as measures_scored,
        count(*) as measures_total,
        max(case when place = 1 and score is not null then measure_id end) as weakest_measure_id,
        max(case when place = 1 then score end) as weakest_score
    from ranked
    group by outcome_id, period_start, period_end, period_code, period_label
),

covered as (
    select
        *,
        case
            when weight_total > 0 then cast(coalesce(weight_scored, 0) as double) / cast(weight_total as double)
            else 0
        end as share
    from totals
)

select
    covered.outcome_id,
    outcomes.outcome_name,
    covered.period_start,
    covered.period_end,
    covered.period_code,
    covered.period_label,
    case
        when covered.share >= {{ var('composite_minimum_coverage') }} and covered.weight_scored > 0
            then
                cast(
                    cast(covered.weighted_score as double) / cast(covered.weight_scored as double) as decimal(5, 1)
                )
    end as score,
    case
        when covered.measures_scored > 0
            then cast(cast(covered.score_total as double) / covered.measures_scored as decimal(5, 1))
    end as mean_score,
    cast(100 * covered.share as decimal(5, 1)) as coverage_pct,
    covered.measures_scored,
    covered.measures_total,
    covered.weakest_measure_id,
    covered.weakest_score
from covered
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = covered.outcome_id
order by covered.outcome_id, covered.period_start
