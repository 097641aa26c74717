-- The newest version of every duty: each quarter's extract holds the rows updated in that quarter.
select
    duty_id,
    duty,
    accepted_date,
    unit_code,
    has_children,
    ended_date,
    outcome,
    updated_date,
    _extract_id as extract_id,
    _row_number as source_row
from {{ newest_version(source('raw', 'housing__duties'), ['duty_id', 'duty']) }} as newest
