-- What directorates return for measures that no system gives: as many of so many, or a value that stands as returned.
-- Values without a denominator add up from unit to unit, so a rate of that kind is returned by one unit only.
select
    returned.measure_id,
    returned.unit_id,
    '' as area_id,
    returned.period_start,
    coalesce(returned.numerator, returned.value) as numerator,
    case when returned.numerator is not null then returned.denominator end as denominator,
    returned.is_provisional,
    returned.extract_id,
    returned.source_row
from {{ ref('fct_returned_values') }} as returned
inner join {{ ref('dim_measures') }} as measures
    on measures.measure_id = returned.measure_id and measures.computed_by = 'return'
where returned.missing_reason is null
