select
    measure_id,
    unit_id,
    period_type,
    period_start,
    corrected_on,
    reason_code,
    explanation
from {{ ref('stg_framework__corrections') }}
order by measure_id, unit_id, period_type, period_start, corrected_on
