-- Children in temporary accommodation on the last day of the quarter, per resident. Estimates of the population are
-- totals without ages, so that all residents stand for children.
select
    'HO02' as measure_id,
    unit_id,
    '' as area_id,
    quarter_start as period_start,
    children as numerator,
    0 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_temporary_accommodation') }}

union all

{{ residents_of_quarters('HO02', 'housing', 'placements') }}
