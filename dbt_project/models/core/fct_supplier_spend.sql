-- Lines that are alike in every column are separate payments: nothing here makes rows distinct.
select
    spend.effective_date,
    spend.payment_date,
    {{ month_start('spend.payment_date') }} as payment_month,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    spend.organisational_unit,
    spend.beneficiary_name,
    spend.beneficiary_id,
    spend.transaction_number,
    spend.amount_gbp,
    spend.irrecoverable_vat_gbp,
    spend.purpose,
    spend.proclass_label,
    spend.proclass_code,
    spend.invoice_number,
    spend.profit_centre,
    spend.extract_id,
    spend.source_row
from {{ ref('stg_transparency__supplier_spend') }} as spend
left join {{ ref('dim_units') }} as units on units.unit_id = spend.organisational_unit
