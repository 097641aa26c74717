-- Business rates received for this year's debit, of the debit raised so far: months add up in the financial year.
-- Arrears of earlier years and payments for the next count neither way.
select
    'FI04' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    collection.as_at_month as period_start,
    collection.received_gbp as numerator,
    collection.debit_gbp as denominator,
    false as is_provisional,
    collection.extract_id,
    collection.source_row
from {{ ref('fct_tax_collection') }} as collection
cross join {{ ref('dim_council') }} as council
where collection.tax = 'business_rates'
