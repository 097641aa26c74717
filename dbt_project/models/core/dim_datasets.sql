select
    system,
    dataset,
    owner,
    load,
    required_for_release,
    is_declared,
    last_period_start,
    last_extracted_at,
    last_extracted_on,
    row_count,
    rejected_count,
    is_missing,
    reason
from {{ source('raw', 'vitals__datasets') }}
order by system, dataset
