-- Activities of the business plan that are on track or completed, as the quarter's returns tell it. One that was
-- stopped, or has not begun because it was not to begin yet, is not counted.
select
    'BP01' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    case when status in ('on_track', 'completed') then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_activities') }}
where
    status <> 'stopped'
    and (status <> 'not_started' or start_date <= {{ days_after(months_after('quarter_start', 3), -1) }})
