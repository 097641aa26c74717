-- An absence counts in each month that it overlaps, with the working days between its first and last day there.
-- An open absence runs to the end of the reporting period.
with absences as (
    select
        absences.absence_id,
        coalesce(units.unit_id, 'unassigned') as unit_id,
        absences.start_date,
        absences.end_date,
        absences.fte,
        first_day.working_day_number - case when first_day.is_working_day then 1 else 0 end as working_days_before,
        last_day.working_day_number as working_days_until,
        absences.extract_id,
        absences.source_row
    from {{ ref('stg_hr__absences') }} as absences
    left join {{ ref('dim_units') }} as units on units.unit_id = absences.unit_code
    left join {{ ref('dim_days') }} as first_day on first_day.day_date = absences.start_date
    left join {{ ref('dim_days') }} as last_day on last_day.day_date = absences.end_date
),

months as (
    select
        periods.period_start,
        periods.period_end,
        periods.working_days_before,
        periods.working_days_until
    from {{ ref('dim_periods') }} as periods
    inner join {{ ref('dim_council') }} as council on periods.period_end <= council.reporting_period_end
    where periods.period_type = 'month'
),

absence_months as (
    select
        absences.absence_id,
        absences.unit_id,
        months.period_start as month_start,
        absences.fte,
        least(coalesce(absences.working_days_until, months.working_days_until), months.working_days_until)
        - greatest(coalesce(absences.working_days_before, months.working_days_before), months.working_days_before)
            as working_days,
        absences.extract_id,
        absences.source_row
    from absences
    inner join months
        on
            months.period_end >= absences.start_date
            and months.period_start <= coalesce(absences.end_date, months.period_start)
)

select
    absence_id,
    unit_id,
    month_start,
    fte,
    working_days,
    cast(fte * working_days as decimal(9, 3)) as fte_days_lost,
    extract_id,
    source_row
from absence_months
where working_days > 0
