-- Established posts in force at the end of a month, and whether somebody held them on that day.
with months as (
    select
        periods.period_start,
        periods.period_end,
        periods.quarter_start
    from {{ ref('dim_periods') }} as periods
    inner join {{ ref('dim_council') }} as council
        on
            periods.period_start >= council.first_period_start
            and periods.period_end <= council.reporting_period_end
    where periods.period_type = 'month'
),

holders as (
    select
        employees.post_id,
        months.period_start as month_start,
        count(*) as holder_count
    from {{ ref('stg_hr__employees') }} as employees
    inner join months
        on
            months.period_end >= employees.start_date
            and months.period_end <= coalesce(employees.leave_date, months.period_end)
    group by employees.post_id, months.period_start
)

select
    posts.post_id,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    months.period_start as month_start,
    months.quarter_start,
    months.period_start = {{ months_after('months.quarter_start', 2) }} as is_quarter_end,
    posts.established_fte,
    holders.post_id is null as is_vacant,
    posts.extract_id,
    posts.source_row
from {{ ref('stg_hr__posts') }} as posts
inner join months
    on
        months.period_end >= posts.valid_from
        and months.period_end <= coalesce(posts.valid_to, months.period_end)
left join holders on holders.post_id = posts.post_id and holders.month_start = months.period_start
left join {{ ref('dim_units') }} as units on units.unit_id = posts.unit_code
