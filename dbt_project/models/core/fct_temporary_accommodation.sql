-- Homelessness (Suitability of Accommodation) Order 2003: families may be placed in bed and breakfast for at most six
-- weeks; the 43rd day is over them.
select
    placements.household_id,
    placements.period_start as quarter_start,
    placements.as_at_date,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    placements.accommodation_type,
    placements.placed_date,
    {{ days_after('placements.placed_date', 42) }} < placements.as_at_date as is_over_six_weeks,
    placements.children,
    placements.is_out_of_area,
    placements.extract_id,
    placements.source_row
from {{ ref('stg_housing__placements') }} as placements
left join {{ ref('dim_units') }} as units on units.unit_id = placements.unit_code
