-- What others publish about the council's area: the value stands as published, for the whole council. It counts on the
-- last day of its period, because periods of a published table may overlap.
select
    published.measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    published.period_end as period_start,
    published.value as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    published.extract_id,
    published.source_row
from {{ ref('fct_indicator_values') }} as published
inner join {{ ref('dim_council') }} as council on published.period_end <= council.reporting_period_end
where published.area_role = 'own' and published.exclusion_reason is null
