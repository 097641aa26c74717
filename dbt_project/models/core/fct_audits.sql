select
    audits.audit_id,
    audits.title,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    audits.planned_date,
    {{ month_start('audits.planned_date') }} as planned_month,
    audits.issued_date,
    {{ month_start('audits.issued_date') }} as issued_month,
    audits.opinion,
    audits.extract_id,
    audits.source_row
from {{ ref('stg_audit__audits') }} as audits
left join {{ ref('dim_units') }} as units on units.unit_id = audits.unit_code
order by audits.planned_date, audits.audit_id
