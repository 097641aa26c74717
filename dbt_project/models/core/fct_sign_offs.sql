select
    coalesce(units.unit_id, 'unassigned') as unit_id,
    sign_offs.return_period_start as quarter_start,
    sign_offs.stage,
    sign_offs.signed_off_by,
    sign_offs.signed_off_date,
    sign_offs.comment,
    sign_offs.extract_id,
    sign_offs.source_row
from {{ ref('stg_plan__sign_offs') }} as sign_offs
left join {{ ref('dim_units') }} as units on units.unit_id = sign_offs.unit_code
order by sign_offs.unit_code, sign_offs.return_period_start, sign_offs.stage
