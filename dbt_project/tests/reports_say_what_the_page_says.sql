-- The reports that hold every measure of the whole council leave none out and give the figure and status of the page.
with reports as (
    select 'leadership' as report_id

    union all

    select 'public' as report_id
)

select
    reports.report_id,
    page.measure_id
from {{ ref('report_org_health') }} as page
cross join {{ ref('dim_council') }} as council
cross join reports
left join {{ ref('report_lines') }} as lines
    on
        lines.report_id = reports.report_id
        and lines.measure_id = page.measure_id
        and lines.unit_id = council.root_unit_id
where
    lines.measure_id is null
    or coalesce(lines.value <> page.value, (lines.value is null) <> (page.value is null))
    or lines.status <> page.status
