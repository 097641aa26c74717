select
    system,
    dataset,
    extract_id,
    period_start,
    extracted_at,
    origin,
    source_hash,
    contract_version,
    row_count,
    rejected_count,
    path
from {{ source('raw', 'vitals__extracts') }}
order by system, dataset, period_start, extract_id
