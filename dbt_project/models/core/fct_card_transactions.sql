select
    cards.effective_date,
    cards.payment_date,
    {{ month_start('cards.payment_date') }} as payment_month,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    cards.organisational_unit,
    cards.beneficiary_name,
    cards.amount_gbp,
    cards.purpose,
    cards.category,
    cards.merchant_category_code,
    cards.extract_id,
    cards.source_row
from {{ ref('stg_transparency__card_transactions') }} as cards
left join {{ ref('dim_units') }} as units on units.unit_id = cards.organisational_unit
