-- An intervention whose measure or unit the framework does not have: a control chart that should begin anew would not.
select
    interventions.intervention_id,
    'interventions.csv: ' || interventions.intervention_id || ' is for '
    || case
        when measures.measure_id is null then 'the measure ' || interventions.measure_id
        else 'the unit ' || interventions.unit_id
    end
    || ', which the framework does not have.' as message
from {{ ref('dim_interventions') }} as interventions
left join {{ ref('dim_measures') }} as measures on measures.measure_id = interventions.measure_id
left join {{ ref('dim_units') }} as units on units.unit_id = interventions.unit_id
where measures.measure_id is null or units.unit_id is null
