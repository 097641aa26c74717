-- The safe roll-up of address_demand: no row tells an address, and every request and complaint is in exactly one row,
-- those whose address was not found included. Counts may be small: they are internal until disclosure control has seen
-- them.
select
    periods.period_start,
    periods.period_end,
    periods.period_code,
    periods.period_label,
    coalesce(units.unit_id, 'unassigned') as unit_id,
    coalesce(demand.ward_code, '') as ward_code,
    coalesce(demand.lsoa_code, '') as lsoa_code,
    count(case when demand.record_kind = 'request' then 1 end) as requests,
    count(case when demand.demand is not null then 1 end) as judged_requests,
    count(case when demand.demand = 'failure' then 1 end) as failure_requests,
    count(case when demand.record_kind = 'complaint' then 1 end) as complaints,
    count(case when demand.located_by = 'recorded' then 1 end) as recorded,
    count(case when demand.located_by in ('exact', 'probable') then 1 end) as matched,
    count(case when demand.located_by = 'weak' then 1 end) as unmatched_weak,
    count(case when demand.located_by = 'none' then 1 end) as unmatched,
    count(case when demand.located_by = 'no_address' then 1 end) as without_address,
    cast(
        round(100.0 * count(case when demand.located_by in ('exact', 'probable') then 1 end) / count(*), 1)
        as decimal(5, 1)
    ) as matched_pct
from {{ ref('stg_addresses__demand') }} as demand
inner join {{ ref('dim_days') }} as days on days.day_date = demand.received_date
inner join {{ ref('dim_periods') }} as periods
    on periods.period_type = 'quarter' and periods.period_start = days.quarter_start
inner join {{ ref('dim_council') }} as council
    on demand.received_date between council.first_period_start and council.reporting_period_end
left join {{ ref('dim_units') }} as units on units.unit_id = demand.unit_code
group by
    periods.period_start,
    periods.period_end,
    periods.period_code,
    periods.period_label,
    coalesce(units.unit_id, 'unassigned'),
    coalesce(demand.ward_code, ''),
    coalesce(demand.lsoa_code, '')
order by periods.period_start, unit_id, ward_code, lsoa_code
