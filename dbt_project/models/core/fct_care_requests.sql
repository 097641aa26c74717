select
    requests.request_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    requests.received_date,
    {{ month_start('requests.received_date') }} as received_month,
    requests.age_group,
    requests.route,
    requests.decided_date,
    requests.outcome,
    requests.extract_id,
    requests.source_row
from {{ ref('stg_social_care__requests') }} as requests
left join {{ ref('dim_units') }} as units on units.unit_id = requests.unit_code
