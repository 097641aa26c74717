select
    day_date,
    is_working_day,
    working_day_number,
    month_start,
    quarter_start
from {{ source('raw', 'vitals__days') }}
order by day_date
