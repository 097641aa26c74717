-- Working days from receipt to completion: 0 when a request is completed on the day, or on days off after it.
select
    requests.request_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    coalesce(requests.area_code, '') as area_id,
    requests.received_date,
    {{ month_start('requests.received_date') }} as received_month,
    requests.completed_date,
    {{ month_start('requests.completed_date') }} as completed_month,
    completed.working_day_number - received.working_day_number as working_days_taken,
    requests.category,
    requests.channel,
    requests.demand,
    requests.extract_id,
    requests.source_row
from {{ ref('stg_complaints__service_requests') }} as requests
left join {{ ref('dim_units') }} as units on units.unit_id = requests.unit_code
left join {{ ref('dim_days') }} as received on received.day_date = requests.received_date
left join {{ ref('dim_days') }} as completed on completed.day_date = requests.completed_date
