-- Stage 2 complaints answered within twenty working days of acknowledgement, of those that fell due. They count in the
-- month in which the answer fell due.
-- LGSCO Complaint Handling Code (2024), section 6.
select
    'CO03' as measure_id,
    complaints.unit_id,
    complaints.area_id,
    complaints.answer_due_month as period_start,
    case when complaints.is_answered_in_time then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    complaints.extract_id,
    complaints.source_row
from {{ ref('fct_complaints') }} as complaints
inner join {{ ref('dim_council') }} as council on complaints.answer_due_date <= council.reporting_period_end
where complaints.stage = 2
