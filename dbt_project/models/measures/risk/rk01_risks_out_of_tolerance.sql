-- Corporate risks whose current score is above their tolerance, of the risks on the register.
select
    'RK01' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case when is_out_of_tolerance then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_risks') }}
