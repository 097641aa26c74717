select
    narratives.measure_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    narratives.return_period_start as quarter_start,
    narratives.narrative,
    narratives.next_steps,
    narratives.author,
    narratives.written_date,
    row_number() over (
        partition by narratives.measure_id, narratives.unit_code
        order by narratives.return_period_start desc, narratives.source_row desc
    ) = 1 as is_newest,
    narratives.extract_id,
    narratives.source_row
from {{ ref('stg_plan__narratives') }} as narratives
left join {{ ref('dim_units') }} as units on units.unit_id = narratives.unit_code
order by narratives.measure_id, narratives.unit_code, narratives.return_period_start
