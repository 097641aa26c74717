select
    effective_date,
    financial_year,
    paid_on_time_pct,
    invoices_paid_late,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'transparency__prompt_payment') }}
