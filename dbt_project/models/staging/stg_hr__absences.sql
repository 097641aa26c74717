-- The newest version of every absence: each quarter's extract holds the rows updated in that quarter.
select
    absence_id,
    employee_id,
    unit_code,
    start_date,
    end_date,
    fte,
    reason,
    updated_at,
    _extract_id as extract_id,
    _row_number as source_row
from {{ newest_version(source('raw', 'hr__absences'), ['absence_id']) }} as newest
