select
    package_id,
    start_date,
    end_date,
    unit_code,
    age_group,
    service_type,
    weekly_cost_gbp,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'social_care__packages') }}
