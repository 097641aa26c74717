-- Working days of a span are the difference of two numbers, so that no model has to join days.
select
    periods.period_type,
    periods.period_start,
    periods.period_end,
    periods.period_code,
    periods.period_label,
    periods.financial_year_start,
    periods.quarter_start,
    first_day.working_day_number - case when first_day.is_working_day then 1 else 0 end as working_days_before,
    last_day.working_day_number as working_days_until
from {{ source('raw', 'vitals__periods') }} as periods
left join {{ ref('dim_days') }} as first_day on first_day.day_date = periods.period_start
left join {{ ref('dim_days') }} as last_day on last_day.day_date = periods.period_end
order by periods.period_type, periods.period_start
