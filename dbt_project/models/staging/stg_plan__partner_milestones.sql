select
    milestone_id,
    title,
    outcome_id,
    partner,
    due_date,
    status,
    completed_date,
    _period_start as period_start,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'plan__partner_milestones') }}
