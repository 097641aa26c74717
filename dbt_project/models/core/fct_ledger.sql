select
    ledger.transaction_id,
    ledger.posted_date,
    {{ month_start('ledger.posted_date') }} as posted_month,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    ledger.account_type,
    ledger.amount_gbp,
    ledger.extract_id,
    ledger.source_row
from {{ ref('stg_finance__ledger') }} as ledger
left join {{ ref('dim_units') }} as units on units.unit_id = ledger.unit_code
