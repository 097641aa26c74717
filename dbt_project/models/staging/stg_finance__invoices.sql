-- The newest version of every invoice: each quarter's extract holds the rows updated in that quarter.
with versions as (
    select
        invoice_id,
        unit_code,
        received_date,
        paid_date,
        is_disputed,
        amount_gbp,
        updated_date,
        _extract_id as extract_id,
        _row_number as source_row,
        row_number() over (
            partition by invoice_id order by _period_start desc, _extracted_at desc, _row_number desc
        ) as version_number
    from {{ source('raw', 'finance__invoices') }}
)

select
    invoice_id,
    unit_code,
    received_date,
    paid_date,
    is_disputed,
    amount_gbp,
    updated_date,
    extract_id,
    source_row
from versions
where version_number = 1
