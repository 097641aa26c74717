-- The newest version of every invoice: each quarter's extract holds the rows updated in that quarter.
select
    invoice_id,
    unit_code,
    received_date,
    paid_date,
    is_disputed,
    amount_gbp,
    updated_date,
    _extract_id as extract_id,
    _row_number as source_row
from {{ newest_version(source('raw', 'finance__invoices'), ['invoice_id']) }} as newest
