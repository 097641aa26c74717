select
    audit_id,
    title,
    unit_code,
    planned_date,
    issued_date,
    opinion,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'audit__audits') }}
