-- Stage 1 complaints acknowledged within five working days of receipt, of those received.
-- LGSCO Complaint Handling Code (2024). Provisional while the last days to acknowledge lie after the reporting period.
select
    'CO01' as measure_id,
    complaints.unit_id,
    complaints.area_id,
    complaints.received_month as period_start,
    case when complaints.is_acknowledged_in_time then 1 else 0 end as numerator,
    1 as denominator,
    complaints.acknowledged_date is null
    and complaints.acknowledgement_due_date > council.reporting_period_end as is_provisional,
    complaints.extract_id,
    complaints.source_row
from {{ ref('fct_complaints') }} as complaints
cross join {{ ref('dim_council') }} as council
where complaints.stage = 1
