-- The corporate risk register, quarter by quarter.
select
    council.council_label as council,
    risks.risk_id,
    risks.quarter_start,
    periods.period_label,
    risks.title,
    risks.unit_id,
    units.unit_name,
    units.unit_level,
    risks.likelihood,
    risks.impact,
    risks.current_score,
    risks.previous_score,
    risks.target_score,
    risks.tolerance_score,
    risks.is_out_of_tolerance
from {{ ref('fct_risks') }} as risks
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_units') }} as units on units.unit_id = risks.unit_id
inner join {{ ref('dim_periods') }} as periods
    on periods.period_type = 'quarter' and periods.period_start = risks.quarter_start
where risks.quarter_start <= council.reporting_period_start
order by risks.risk_id, risks.quarter_start
