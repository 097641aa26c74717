-- One row for each month in which somebody was employed, without saying who: the source row leads back to the
-- extract. Employed on a day means started by then and not left before it.
with months as (
    select
        periods.period_start,
        periods.period_end
    from {{ ref('dim_periods') }} as periods
    inner join {{ ref('dim_council') }} as council
        on
            periods.period_start >= council.first_period_start
            and periods.period_end <= council.reporting_period_end
    where periods.period_type = 'month'
),

staff as (
    select
        coalesce(units.unit_id, 'unassigned') as unit_id,
        months.period_start as month_start,
        employees.fte,
        case when employees.start_date <= months.period_start then 1 else 0 end as employed_at_start,
        case
            when employees.leave_date is null or employees.leave_date >= months.period_end then 1 else 0
        end as employed_at_end,
        employees.leave_date is not null and employees.leave_date <= months.period_end as is_leaver,
        employees.leaving_reason,
        employees.extract_id,
        employees.source_row
    from {{ ref('stg_hr__employees') }} as employees
    inner join months
        on
            months.period_end >= employees.start_date
            and months.period_start <= coalesce(employees.leave_date, months.period_start)
    left join {{ ref('dim_units') }} as units on units.unit_id = employees.unit_code
)

select
    unit_id,
    month_start,
    fte,
    cast((employed_at_start + employed_at_end) * 0.5 as decimal(3, 1)) as average_headcount,
    cast(fte * (employed_at_start + employed_at_end) * 0.5 as decimal(6, 4)) as average_fte,
    is_leaver,
    case when is_leaver then leaving_reason end as leaving_reason,
    extract_id,
    source_row
from staff
