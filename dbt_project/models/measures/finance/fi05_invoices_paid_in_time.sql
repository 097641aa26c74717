-- Undisputed invoices paid within thirty days of receipt, of those that fell due, in the month in which they fell due.
-- Where the framework reports this measure by financial year, it is the percentage that the council has published.
select
    'FI05' as measure_id,
    invoices.unit_id,
    '' as area_id,
    invoices.due_month as period_start,
    case when invoices.is_paid_in_time then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    invoices.extract_id,
    invoices.source_row
from {{ ref('fct_invoices') }} as invoices
inner join {{ ref('dim_council') }} as council on invoices.due_date <= council.reporting_period_end
inner join {{ ref('dim_measures') }} as measures
    on measures.measure_id = 'FI05' and measures.frequency <> 'financial_year'
where not invoices.is_disputed

union all

select
    'FI05' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    payments.year_start as period_start,
    payments.paid_on_time_pct as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    payments.extract_id,
    payments.source_row
from {{ ref('fct_prompt_payment') }} as payments
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as measures
    on measures.measure_id = 'FI05' and measures.frequency = 'financial_year'
