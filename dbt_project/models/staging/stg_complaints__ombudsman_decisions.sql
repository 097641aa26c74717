select
    decision_id,
    case_id,
    decided_date,
    unit_code,
    decision,
    is_detailed_investigation,
    remedy,
    remedy_gbp,
    remedy_due_date,
    remedied_date,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'complaints__ombudsman_decisions') }}
