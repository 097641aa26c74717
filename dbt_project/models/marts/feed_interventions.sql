-- What became of each measure after something was tried.
select
    council.council_label as council,
    tried.intervention_id,
    tried.measure_id,
    measures.measure_name,
    tried.unit_id,
    units.unit_name,
    units.unit_level,
    tried.title,
    tried.status,
    tried.starts_on,
    tried.ends_on,
    tried.expected_direction,
    tried.period_type,
    tried.basis,
    tried.before_from,
    tried.before_points,
    cast(round(tried.before_mean, 4) as decimal(18, 4)) as before_mean,
    tried.after_until,
    tried.after_points,
    cast(round(tried.after_mean, 4) as decimal(18, 4)) as after_mean,
    cast(round(tried.difference, 4) as decimal(18, 4)) as difference,
    cast(round(tried.difference_lower, 4) as decimal(18, 4)) as difference_lower,
    cast(round(tried.difference_upper, 4) as decimal(18, 4)) as difference_upper,
    tried.special_causes_since,
    tried.verdict,
    tried.evidence,
    declared.hypothesis,
    declared.rebases,
    declared.owner,
    measures.value_unit
from {{ ref('interventions') }} as tried
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_interventions') }} as declared on declared.intervention_id = tried.intervention_id
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = tried.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = tried.unit_id
order by tried.intervention_id
