-- Remedies that the ombudsman recommended and the council carried out in time, of those that fell due.
select
    'CO08' as measure_id,
    decisions.unit_id,
    '' as area_id,
    decisions.remedy_due_month as period_start,
    case when decisions.is_remedied_in_time then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    decisions.extract_id,
    decisions.source_row
from {{ ref('fct_ombudsman_decisions') }} as decisions
inner join {{ ref('dim_council') }} as council on decisions.remedy_due_date <= council.reporting_period_end
