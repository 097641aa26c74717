-- What owners wrote about their measures, quarter by quarter.
select
    council.council_label as council,
    narratives.measure_id,
    measures.measure_name,
    narratives.unit_id,
    units.unit_name,
    units.unit_level,
    narratives.quarter_start,
    periods.period_label,
    narratives.narrative,
    narratives.next_steps,
    narratives.author,
    narratives.written_date,
    narratives.is_newest
from {{ ref('fct_narratives') }} as narratives
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = narratives.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = narratives.unit_id
inner join {{ ref('dim_periods') }} as periods
    on periods.period_type = 'quarter' and periods.period_start = narratives.quarter_start
where narratives.quarter_start <= council.reporting_period_start
order by narratives.measure_id, narratives.unit_id, narratives.quarter_start
