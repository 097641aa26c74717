-- Payments to suppliers as published under the Local Government Transparency Code, in the month of payment.
select
    'SP01' as measure_id,
    unit_id,
    '' as area_id,
    payment_month as period_start,
    amount_gbp as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_supplier_spend') }}
