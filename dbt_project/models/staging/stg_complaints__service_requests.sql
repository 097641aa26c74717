-- The newest version of every request: each quarter's extract holds the rows updated in that quarter.
select
    request_id,
    received_date,
    completed_date,
    unit_code,
    category,
    channel,
    demand,
    area_code,
    uprn,
    address_text,
    updated_at,
    _extract_id as extract_id,
    _row_number as source_row
from {{ newest_version(source('raw', 'complaints__service_requests'), ['request_id']) }} as newest
