-- The same as FI06 in the prices of the latest complete financial year. Vintage and base year of the deflator stand in
-- dim_deflators. A year without a deflator counts neither way.
select
    'FI06R' as measure_id,
    nominal.unit_id,
    nominal.area_id,
    nominal.period_start,
    nominal.numerator * deflators.factor as numerator,
    nominal.denominator,
    nominal.is_provisional or deflators.is_forecast as is_provisional,
    nominal.extract_id,
    nominal.source_row
from {{ ref('fi06_net_cost_per_resident') }} as nominal
inner join {{ ref('dim_deflators') }} as deflators
    on nominal.period_start between deflators.year_start and deflators.year_end
