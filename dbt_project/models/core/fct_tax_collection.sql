-- Arrears of earlier years and payments for the next are kept apart: neither is collected for this year's debit.
select
    tax,
    as_at_date,
    {{ month_start('as_at_date') }} as as_at_month,
    debit_gbp,
    received_gbp,
    arrears_received_gbp,
    prepaid_gbp,
    extract_id,
    source_row
from {{ ref('stg_revenues__collection') }}
order by tax, as_at_date
