select
    duties.duty_id,
    duties.duty,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    duties.has_children,
    duties.accepted_date,
    duties.ended_date,
    {{ month_start('duties.ended_date') }} as ended_month,
    duties.outcome,
    duties.extract_id,
    duties.source_row
from {{ ref('stg_housing__duties') }} as duties
left join {{ ref('dim_units') }} as units on units.unit_id = duties.unit_code
