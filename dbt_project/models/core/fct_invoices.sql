-- An invoice falls due a fixed number of days after its receipt.
with invoices as (
    select
        invoices.invoice_id,
        coalesce(units.unit_id, 'unassigned') as unit_id,
        invoices.received_date,
        {{ days_after('invoices.received_date', var('invoice_payment_days')) }} as due_date,
        invoices.paid_date,
        invoices.is_disputed,
        invoices.amount_gbp,
        invoices.extract_id,
        invoices.source_row
    from {{ ref('stg_finance__invoices') }} as invoices
    left join {{ ref('dim_units') }} as units on units.unit_id = invoices.unit_code
)

select
    invoice_id,
    unit_id,
    received_date,
    due_date,
    {{ month_start('due_date') }} as due_month,
    paid_date,
    is_disputed,
    coalesce(paid_date <= due_date, false) as is_paid_in_time,
    amount_gbp,
    extract_id,
    source_row
from invoices
