select
    likelihood,
    impact,
    score,
    level,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__risk_matrix') }}
