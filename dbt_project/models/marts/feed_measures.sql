-- What every measure is: its definition, whom it belongs to, and what its figures are made from.
with datasets as (
    select
        measure_id,
        {{ all_of("system || '/' || dataset") }} as datasets
    from {{ ref('measure_datasets') }}
    group by measure_id
),

successors as (
    select
        supersedes as measure_id,
        {{ all_of('measure_id') }} as superseded_by
    from {{ ref('dim_measures') }}
    where supersedes is not null
    group by supersedes
)

select
    council.council_label as council,
    measures.measure_id,
    measures.measure_name,
    measures.measure_description,
    measures.outcome_id,
    outcomes.outcome_name,
    measures.domain,
    domains.domain_name,
    measures.measure_type,
    measures.polarity,
    measures.value_unit,
    measures.multiplier,
    measures.decimal_places,
    measures.frequency,
    measures.accumulation,
    measures.roll_up,
    measures.interval_method,
    measures.computed_by,
    coalesce(datasets.datasets, '') as datasets,
    measures.owner,
    measures.portfolio_id,
    portfolios.portfolio_name,
    measures.numerator_label,
    measures.denominator_label,
    measures.source_label,
    measures.weight,
    measures.baseline,
    measures.baseline_period,
    measures.due_working_days,
    measures.is_standing,
    measures.valid_from,
    measures.valid_to,
    measures.supersedes,
    successors.superseded_by
from {{ ref('dim_measures') }} as measures
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_domains') }} as domains on domains.domain = measures.domain
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = measures.outcome_id
left join datasets on datasets.measure_id = measures.measure_id
left join successors on successors.measure_id = measures.measure_id
left join {{ ref('dim_portfolios') }} as portfolios
    on
        portfolios.portfolio_id = measures.portfolio_id
        and portfolios.valid_from <= council.reporting_period_end
        and coalesce(portfolios.valid_to, council.reporting_period_end) >= council.reporting_period_end
order by measures.measure_id
