select
    council.council_label as council,
    figures.measure_id,
    measures.measure_name,
    measures.outcome_id,
    outcomes.outcome_name,
    measures.domain,
    figures.unit_id,
    units.unit_name,
    units.unit_level,
    figures.area_id,
    figures.basis,
    figures.period_type,
    figures.period_start,
    figures.period_end,
    figures.period_code,
    figures.period_label,
    cast(figures.numerator as decimal(18, 4)) as numerator,
    cast(figures.denominator as decimal(18, 4)) as denominator,
    figures.value,
    measures.value_unit,
    measures.decimal_places,
    measures.polarity,
    figures.interval_lower,
    figures.interval_upper,
    figures.is_small_denominator,
    figures.is_provisional
from {{ ref('measure_values') }} as figures
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = figures.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = figures.unit_id
left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = measures.outcome_id
cross join {{ ref('dim_council') }} as council
order by figures.measure_id, figures.unit_id, figures.area_id, figures.basis, figures.period_type, figures.period_start
