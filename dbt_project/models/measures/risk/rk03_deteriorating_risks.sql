-- Risks whose score rose since the quarter before, of those that were on the register in both.
select
    'RK03' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case when current_score > previous_score then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_risks') }}
where previous_score is not null
