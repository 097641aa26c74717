select
    packages.package_id,
    packages.start_date,
    packages.end_date,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    packages.age_group,
    packages.service_type,
    packages.weekly_cost_gbp,
    packages.extract_id,
    packages.source_row
from {{ ref('stg_social_care__packages') }} as packages
left join {{ ref('dim_units') }} as units on units.unit_id = packages.unit_code
