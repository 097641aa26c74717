select
    savings.as_at_date,
    {{ month_start('savings.as_at_date') }} as as_at_month,
    savings.saving_id,
    savings.title,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    savings.planned_gbp,
    savings.delivered_gbp,
    savings.secured_gbp,
    savings.at_risk_gbp,
    savings.extract_id,
    savings.source_row
from {{ ref('stg_finance__savings') }} as savings
left join {{ ref('dim_units') }} as units on units.unit_id = savings.unit_code
order by savings.as_at_date, savings.saving_id
