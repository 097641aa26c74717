select
    effective_date,
    organisational_unit,
    beneficiary_name,
    beneficiary_id,
    payment_date,
    transaction_number,
    amount_gbp,
    irrecoverable_vat_gbp,
    purpose,
    proclass_label,
    proclass_code,
    invoice_number,
    profit_centre,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'transparency__supplier_spend') }}
