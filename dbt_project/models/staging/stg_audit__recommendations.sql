select
    recommendation_id,
    audit_id,
    unit_code,
    priority,
    agreed_date,
    due_date,
    revised_due_date,
    implemented_date,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'audit__recommendations') }}
