-- The clocks count working days: receipt to acknowledgement, acknowledgement to answer. An agreed extension moves
-- the day on which a stage 1 answer falls due. A case that was withdrawn before its answer never falls due.
-- LGSCO Complaint Handling Code (2024), sections 5 and 6.
-- The area is the ward in which the property lay on the day of receipt; where it lies is not kept.
with addresses as (
    select
        cases.case_id,
        cases.stage,
        addresses.ward_code,
        row_number() over (partition by cases.case_id, cases.stage order by addresses.valid_from desc) as recency
    from {{ ref('stg_complaints__cases') }} as cases
    inner join {{ ref('stg_areas__uprns') }} as addresses
        on
            addresses.uprn = cases.uprn
            and addresses.valid_from <= cases.received_date
            and coalesce(addresses.valid_to, cases.received_date) >= cases.received_date
),

cases as (
    select
        cases.case_id,
        cases.stage,
        coalesce(units.unit_id, 'unassigned') as unit_id,
        coalesce(addresses.ward_code, '') as area_id,
        cases.received_date,
        cases.acknowledged_date,
        cases.answered_date,
        coalesce(cases.extension_working_days, 0) as extension_working_days,
        cases.outcome,
        cases.root_cause,
        received.working_day_number
        + {{ var('complaint_acknowledgement_working_days') }} as acknowledgement_due_number,
        case
            when cases.outcome = 'withdrawn' and cases.answered_date is null then cast(null as bigint)
            when cases.stage = 1
                then
                    acknowledged.working_day_number
                    + {{ var('stage_1_answer_working_days') }}
                    + coalesce(cases.extension_working_days, 0)
            else acknowledged.working_day_number + {{ var('stage_2_answer_working_days') }}
        end as answer_due_number,
        cases.extract_id,
        cases.source_row
    from {{ ref('stg_complaints__cases') }} as cases
    left join {{ ref('dim_units') }} as units on units.unit_id = cases.unit_code
    left join addresses
        on addresses.case_id = cases.case_id and addresses.stage = cases.stage and addresses.recency = 1
    left join {{ ref('dim_days') }} as received on received.day_date = cases.received_date
    left join {{ ref('dim_days') }} as acknowledged on acknowledged.day_date = cases.acknowledged_date
),

working_days as (
    select
        day_date,
        working_day_number
    from {{ ref('dim_days') }}
    where is_working_day
)

select
    cases.case_id,
    cases.stage,
    cases.unit_id,
    cases.area_id,
    cases.received_date,
    {{ month_start('cases.received_date') }} as received_month,
    cases.acknowledged_date,
    acknowledgement_due.day_date as acknowledgement_due_date,
    coalesce(cases.acknowledged_date <= acknowledgement_due.day_date, false) as is_acknowledged_in_time,
    cases.extension_working_days,
    answer_due.day_date as answer_due_date,
    {{ month_start('answer_due.day_date') }} as answer_due_month,
    cases.answered_date,
    {{ month_start('cases.answered_date') }} as answered_month,
    coalesce(cases.answered_date <= answer_due.day_date, false) as is_answered_in_time,
    cases.outcome,
    cases.root_cause,
    cases.extract_id,
    cases.source_row
from cases
left join working_days as acknowledgement_due
    on acknowledgement_due.working_day_number = cases.acknowledgement_due_number
left join working_days as answer_due on answer_due.working_day_number = cases.answer_due_number
