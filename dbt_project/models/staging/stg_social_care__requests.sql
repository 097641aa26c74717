-- The newest version of every request: each quarter's extract holds the rows updated in that quarter.
select
    request_id,
    received_date,
    age_group,
    route,
    unit_code,
    decided_date,
    outcome,
    updated_at,
    _extract_id as extract_id,
    _row_number as source_row
from {{ newest_version(source('raw', 'social_care__requests'), ['request_id']) }} as newest
