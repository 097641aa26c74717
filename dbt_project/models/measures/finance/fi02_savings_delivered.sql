-- Savings delivered, or secured by a decision that stands, of those planned for the year, as they stood at a month's
-- end.
select
    'FI02' as measure_id,
    unit_id,
    '' as area_id,
    as_at_month as period_start,
    delivered_gbp + secured_gbp as numerator,
    planned_gbp as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_savings') }}
