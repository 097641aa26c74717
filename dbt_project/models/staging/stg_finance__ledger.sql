select
    transaction_id,
    posted_date,
    unit_code,
    account_type,
    amount_gbp,
    description,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'finance__ledger') }}
