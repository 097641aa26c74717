select
    payments.effective_date,
    payments.financial_year,
    periods.period_start as year_start,
    payments.paid_on_time_pct,
    payments.invoices_paid_late,
    payments.extract_id,
    payments.source_row
from {{ ref('stg_transparency__prompt_payment') }} as payments
left join {{ ref('dim_periods') }} as periods
    on
        periods.period_type = 'financial_year'
        and payments.effective_date between periods.period_start and periods.period_end
order by payments.effective_date
