-- Complaints upheld or partly upheld, of those decided, at either stage, in the month of the answer.
select
    'CO04' as measure_id,
    unit_id,
    area_id,
    answered_month as period_start,
    case when outcome in ('upheld', 'partly_upheld') then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_complaints') }}
where answered_month is not null and outcome in ('upheld', 'partly_upheld', 'not_upheld')
