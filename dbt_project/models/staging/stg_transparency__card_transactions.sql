select
    effective_date,
    organisational_unit,
    beneficiary_name,
    payment_date,
    amount_gbp,
    purpose,
    category,
    merchant_category_code,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'transparency__card_transactions') }}
