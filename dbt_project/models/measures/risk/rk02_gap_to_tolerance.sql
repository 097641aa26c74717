-- Mean gap between the current score and the tolerance of the risks on the register; below tolerance counts as less.
select
    'RK02' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    current_score - tolerance_score as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_risks') }}
