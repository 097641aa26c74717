-- The newest version of every case and stage: each quarter's extract holds the rows updated in that quarter.
select
    case_id,
    stage,
    received_date,
    acknowledged_date,
    answered_date,
    extension_working_days,
    outcome,
    root_cause,
    unit_code,
    uprn,
    updated_at,
    _extract_id as extract_id,
    _row_number as source_row
from {{ newest_version(source('raw', 'complaints__cases'), ['case_id', 'stage']) }} as newest
