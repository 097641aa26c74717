-- Milestones of the business plan met by the date on which they were first due, of those that fell due. One of which no
-- return tells since it fell due counts nowhere: whether it was met is not known.
select
    'BP02' as measure_id,
    unit_id,
    '' as area_id,
    due_month as period_start,
    case when is_met_in_time then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_milestones') }}
where is_met_in_time is not null
