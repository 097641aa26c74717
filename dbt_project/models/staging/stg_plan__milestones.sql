select
    milestone_id,
    activity_id,
    title,
    unit_code,
    due_date,
    revised_due_date,
    completed_date,
    _period_start as return_period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'plan__milestones') }}
