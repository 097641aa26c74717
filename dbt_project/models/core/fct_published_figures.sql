select
    publication,
    measure_id,
    unit_id,
    period_type,
    period_start,
    value,
    published_on,
    is_provisional,
    extract_id,
    source_row
from {{ ref('stg_framework__published_figures') }}
order by publication, measure_id, unit_id, period_type, period_start
