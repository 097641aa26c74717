select
    tax,
    as_at_date,
    debit_gbp,
    received_gbp,
    arrears_received_gbp,
    prepaid_gbp,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'revenues__collection') }}
