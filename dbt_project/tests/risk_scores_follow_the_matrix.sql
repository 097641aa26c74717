-- A score that the council's own risk matrix does not give, in the register of the period reported; also a likelihood
-- or impact that the matrix does not have. A council without a matrix scores as its register says.
{{ config(severity='warn') }}
select
    risks.risk_id,
    risks.likelihood,
    risks.impact,
    risks.current_score,
    matrix.score
from {{ ref('stg_risk__register') }} as risks
inner join {{ ref('dim_council') }} as council on risks.period_start = council.reporting_period_start
left join {{ ref('stg_framework__risk_matrix') }} as matrix
    on matrix.likelihood = risks.likelihood and matrix.impact = risks.impact
where
    coalesce(matrix.score <> risks.current_score, true)
    and exists (select 1 from {{ ref('stg_framework__risk_matrix') }})
