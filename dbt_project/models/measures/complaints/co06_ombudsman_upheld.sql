-- Complaints that the ombudsman upheld, of those investigated in detail, in the year of the decision.
select
    'CO06' as measure_id,
    decisions.unit_id,
    '' as area_id,
    decisions.decided_month as period_start,
    case when decisions.is_upheld then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    decisions.extract_id,
    decisions.source_row
from {{ ref('fct_ombudsman_decisions') }} as decisions
inner join {{ ref('dim_council') }} as council on decisions.decided_date <= council.reporting_period_end
where decisions.is_detailed_investigation
