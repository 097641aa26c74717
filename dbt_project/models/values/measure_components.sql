-- A missing denominator (the figure is a sum) stays missing; a denominator of 0 is a number.
select
    measure_id,
    unit_id,
    area_id,
    period_start,
    sum(numerator) as numerator,
    sum(denominator) as denominator,
    max(case when is_provisional then 1 else 0 end) = 1 as is_provisional,
    count(*) as row_count
from {{ ref('measure_rows') }}
where period_start is not null
group by measure_id, unit_id, area_id, period_start
order by measure_id, unit_id, area_id, period_start
