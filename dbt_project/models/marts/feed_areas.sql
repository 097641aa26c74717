-- The areas that figures name, with what is known of each: residents, and what they asked of the council.
with residents as (
    select
        area_code,
        mid_year,
        population,
        row_number() over (partition by area_code order by mid_year desc) as recency
    from {{ ref('fct_population') }}
),

demand_of_quarter as (
    select demand.*
    from {{ ref('area_demand') }} as demand
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = demand.period_start
),

placed as (
    select
        ward_code as area_id,
        requests,
        judged_requests,
        failure_requests,
        complaints
    from demand_of_quarter
    where ward_code <> ''

    union all

    select
        lsoa_code as area_id,
        requests,
        judged_requests,
        failure_requests,
        complaints
    from demand_of_quarter
    where lsoa_code <> ''
),

demand as (
    select
        area_id,
        cast(sum(requests) as bigint) as requests,
        cast(sum(judged_requests) as bigint) as judged_requests,
        cast(sum(failure_requests) as bigint) as failure_requests,
        cast(sum(complaints) as bigint) as complaints
    from placed
    group by area_id
)

select
    council.council_label as council,
    areas.area_id,
    areas.area_name,
    areas.area_type,
    areas.valid_from,
    areas.valid_to,
    areas.predecessor_ids,
    residents.population,
    residents.mid_year as population_year,
    coalesce(demand.requests, 0) as requests,
    coalesce(demand.judged_requests, 0) as judged_requests,
    coalesce(demand.failure_requests, 0) as failure_requests,
    coalesce(demand.complaints, 0) as complaints
from {{ ref('dim_areas') }} as areas
cross join {{ ref('dim_council') }} as council
left join residents on residents.area_code = areas.area_id and residents.recency = 1
left join demand on demand.area_id = areas.area_id
order by areas.area_type, areas.area_id
