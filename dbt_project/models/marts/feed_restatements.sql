-- Which published figures gave way to others, and why.
select
    council.council_label as council,
    changes.measure_id,
    measures.measure_name,
    changes.unit_id,
    units.unit_name,
    units.unit_level,
    changes.area_id,
    changes.basis,
    changes.period_type,
    changes.period_start,
    changes.period_end,
    changes.period_label,
    changes.published_in,
    changes.published_on,
    changes.published_value,
    changes.current_value,
    changes.change,
    changes.was_provisional,
    changes.reason_code,
    changes.explanation,
    changes.is_unexplained,
    measures.value_unit,
    measures.decimal_places
from {{ ref('restatements') }} as changes
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = changes.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = changes.unit_id
order by
    changes.measure_id,
    changes.unit_id,
    changes.area_id,
    changes.period_start,
    changes.published_on,
    changes.published_in
