-- Which address every request and complaint is about: the one that its system recorded, or else the one that what
-- somebody wrote down was matched to. How it was found never derives from the address itself, so that it may be counted
-- where addresses may not go. Where an address lies is looked up as of the day of receipt. An answer's second stage is
-- no new demand.
with recorded as (
    select
        'request' as record_kind,
        request_id as record_id,
        unit_code,
        received_date,
        demand,
        area_code,
        uprn,
        'recorded' as located_by,
        cast(null as decimal(8, 3)) as match_weight
    from {{ ref('stg_complaints__service_requests') }}
    where uprn is not null
    union all
    select
        'complaint' as record_kind,
        case_id as record_id,
        unit_code,
        received_date,
        cast(null as string) as demand,
        cast(null as string) as area_code,
        uprn,
        'recorded' as located_by,
        cast(null as decimal(8, 3)) as match_weight
    from {{ ref('stg_complaints__cases') }}
    where uprn is not null and stage = 1
),

written as (
    select
        'request' as record_kind,
        requests.request_id as record_id,
        requests.unit_code,
        requests.received_date,
        requests.demand,
        requests.area_code,
        matches.uprn,
        coalesce(matches.match_kind, 'none') as located_by,
        matches.match_weight
    from {{ ref('stg_complaints__service_requests') }} as requests
    left join {{ ref('stg_addresses__matches') }} as matches on matches.address_text = requests.address_text
    where requests.uprn is null and requests.address_text is not null
),

untold as (
    select
        'request' as record_kind,
        request_id as record_id,
        unit_code,
        received_date,
        demand,
        area_code,
        cast(null as string) as uprn,
        'no_address' as located_by,
        cast(null as decimal(8, 3)) as match_weight
    from {{ ref('stg_complaints__service_requests') }}
    where uprn is null and address_text is null
    union all
    select
        'complaint' as record_kind,
        case_id as record_id,
        unit_code,
        received_date,
        cast(null as string) as demand,
        cast(null as string) as area_code,
        cast(null as string) as uprn,
        'no_address' as located_by,
        cast(null as decimal(8, 3)) as match_weight
    from {{ ref('stg_complaints__cases') }}
    where uprn is null and stage = 1
),

records as (
    select * from recorded
    union all
    select * from written
    union all
    select * from untold
),

placed as (
    select
        records.record_kind,
        records.record_id,
        records.unit_code,
        records.received_date,
        records.demand,
        records.uprn,
        records.located_by,
        records.match_weight,
        places.lsoa_code,
        coalesce(places.ward_code, records.area_code) as ward_code,
        row_number() over (
            partition by records.record_kind, records.record_id order by places.valid_from desc
        ) as recency
    from records
    left join {{ ref('stg_areas__uprns') }} as places
        on
            places.uprn = records.uprn
            and places.valid_from <= records.received_date
            and coalesce(places.valid_to, cast('9999-12-31' as date)) >= records.received_date
)

select
    record_kind,
    record_id,
    unit_code,
    received_date,
    demand,
    uprn,
    located_by,
    match_weight,
    lsoa_code,
    ward_code
from placed
where recency = 1
