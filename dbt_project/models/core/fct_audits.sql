-- An audit of a year's plan is delivered when its report is issued in that financial year: in the month of issue, or in
-- the month it was planned for where the report came early.
select
    audits.audit_id,
    audits.title,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    audits.planned_date,
    {{ month_start('audits.planned_date') }} as planned_month,
    audits.issued_date,
    {{ month_start('audits.issued_date') }} as issued_month,
    case
        when audits.issued_date between years.period_start and years.period_end
            then greatest({{ month_start('audits.planned_date') }}, {{ month_start('audits.issued_date') }})
    end as delivered_month,
    audits.opinion,
    audits.extract_id,
    audits.source_row
from {{ ref('stg_audit__audits') }} as audits
left join {{ ref('dim_units') }} as units on units.unit_id = audits.unit_code
left join {{ ref('dim_periods') }} as years
    on
        years.period_type = 'financial_year'
        and audits.planned_date between years.period_start and years.period_end
order by audits.planned_date, audits.audit_id
