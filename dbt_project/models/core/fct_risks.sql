-- The register as it stood in each quarter, each risk beside its own score a quarter before.
select
    risks.risk_id,
    risks.period_start as quarter_start,
    risks.title,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    risks.likelihood,
    risks.impact,
    risks.current_score,
    risks.target_score,
    risks.tolerance_score,
    risks.current_score > risks.tolerance_score as is_out_of_tolerance,
    earlier.current_score as previous_score,
    risks.extract_id,
    risks.source_row
from {{ ref('stg_risk__register') }} as risks
left join {{ ref('stg_risk__register') }} as earlier
    on earlier.risk_id = risks.risk_id and earlier.period_start = {{ months_after('risks.period_start', -3) }}
left join {{ ref('dim_units') }} as units on units.unit_id = risks.unit_code
order by risks.period_start, risks.risk_id
