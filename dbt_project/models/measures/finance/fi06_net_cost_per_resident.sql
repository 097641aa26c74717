-- Net spending, income taken off, in twelve months for each resident of the council. The council's residents stand for
-- every unit (roll_up numerator); a quarter of them counts each quarter, so that a year has them once.
select
    'FI06' as measure_id,
    unit_id,
    '' as area_id,
    posted_month as period_start,
    amount_gbp as numerator,
    0 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_ledger') }}

union all

{{ residents_of_quarters('FI06', 'finance', 'ledger', parts=4) }}
