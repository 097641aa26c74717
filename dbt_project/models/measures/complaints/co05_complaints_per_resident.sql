-- Stage 1 complaints received per resident. The population counts once a quarter, at the council itself: services have
-- no residents of their own, so only the whole council has a figure.
select
    'CO05' as measure_id,
    unit_id,
    area_id,
    received_month as period_start,
    1 as numerator,
    0 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_complaints') }}
where stage = 1

union all

{{ residents_of_quarters('CO05', 'complaints', 'cases') }}
