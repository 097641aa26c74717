select
    measure_id,
    area_code,
    period_type,
    period_start,
    area_name,
    value,
    source,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'benchmarks__values') }}
