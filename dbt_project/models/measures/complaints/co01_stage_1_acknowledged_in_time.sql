-- Stage 1 complaints acknowledged within five working days of receipt, of those received, in the month of receipt.
-- LGSCO Complaint Handling Code (2024). One whose five days are not over by the end of the reporting period counts
-- neither way yet and makes its month provisional: counted as late, it would make every newest month look worse.
select
    'CO01' as measure_id,
    complaints.unit_id,
    complaints.area_id,
    complaints.received_month as period_start,
    case
        when complaints.acknowledgement_due_date <= council.reporting_period_end and complaints.is_acknowledged_in_time
            then 1
        else 0
    end as numerator,
    case when complaints.acknowledgement_due_date <= council.reporting_period_end then 1 else 0 end as denominator,
    complaints.acknowledgement_due_date > council.reporting_period_end as is_provisional,
    complaints.extract_id,
    complaints.source_row
from {{ ref('fct_complaints') }} as complaints
inner join {{ ref('dim_council') }} as council on complaints.received_date <= council.reporting_period_end
where complaints.stage = 1 and complaints.acknowledgement_due_date is not null
