-- Personal: a view, so that no table of the build holds it; it is written to restricted.duckdb where the council asks
-- for that, and to nothing else.
with council as (
    select
        reporting_period_end,
        last_day({{ months_after('reporting_period_end', -12) }}) as day_before
    from {{ ref('dim_council') }}
)

select
    demand.uprn,
    max(places.lsoa_code) as lsoa_code,
    max(places.ward_code) as ward_code,
    {{ all_of('units.unit_id') }} as unit_ids,
    count(distinct units.unit_id) as services,
    count(case when demand.record_kind = 'request' then 1 end) as requests,
    count(case when demand.demand = 'failure' then 1 end) as failure_requests,
    count(case when demand.record_kind = 'complaint' then 1 end) as complaints,
    count(case when demand.record_kind = 'request' and demand.received_date > council.day_before then 1 end)
        as requests_12_months,
    count(case when demand.demand = 'failure' and demand.received_date > council.day_before then 1 end)
        as failure_requests_12_months,
    count(case when demand.record_kind = 'complaint' and demand.received_date > council.day_before then 1 end)
        as complaints_12_months,
    count(case when demand.located_by <> 'recorded' then 1 end) as matched,
    min(demand.match_weight) as least_match_weight,
    min(demand.received_date) as first_received_date,
    max(demand.received_date) as last_received_date
from {{ ref('stg_addresses__demand') }} as demand
inner join council on demand.received_date <= council.reporting_period_end
left join {{ ref('dim_units') }} as units on units.unit_id = demand.unit_code
left join {{ ref('stg_areas__uprns') }} as places
    on
        places.uprn = demand.uprn
        and places.valid_from <= council.reporting_period_end
        and coalesce(places.valid_to, cast('9999-12-31' as date)) >= council.reporting_period_end
where demand.uprn is not null
group by demand.uprn
