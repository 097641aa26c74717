-- High-priority audit actions implemented on or before the date first agreed, of those that fell due: a part of IA01.
select
    'IA01H' as measure_id,
    recommendations.unit_id,
    '' as area_id,
    recommendations.due_month as period_start,
    case when recommendations.is_implemented_in_time then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    recommendations.extract_id,
    recommendations.source_row
from {{ ref('fct_audit_recommendations') }} as recommendations
inner join {{ ref('dim_council') }} as council on recommendations.due_date <= council.reporting_period_end
where recommendations.priority = 'high'
