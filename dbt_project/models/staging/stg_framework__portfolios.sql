select
    portfolio_id,
    valid_from,
    valid_to,
    name as portfolio_name,
    holder,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__portfolios') }}
