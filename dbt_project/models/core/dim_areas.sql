-- Codes of wards, of LSOAs, of the tenth of them that a survey groups, and of the council's whole area: they differ.
with areas as (
    select
        ward_code as area_id,
        ward_name as area_name,
        'ward' as area_type,
        valid_from,
        valid_to,
        predecessor_codes as predecessor_ids
    from {{ ref('stg_areas__wards') }}

    union all

    select
        lsoa_code as area_id,
        lsoa_name as area_name,
        'lsoa' as area_type,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to,
        cast(null as string) as predecessor_ids
    from {{ ref('stg_areas__lsoas') }}

    union all

    select distinct
        area_code as area_id,
        'Most deprived 10 %' as area_name,
        area_type,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to,
        cast(null as string) as predecessor_ids
    from {{ ref('stg_survey__quality_of_life') }}
    where area_type = 'most_deprived_10_pct'

    union all

    select
        area_code as area_id,
        council_name as area_name,
        'council' as area_type,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to,
        cast(null as string) as predecessor_ids
    from {{ ref('dim_council') }}
    where area_code is not null
)

select
    area_id,
    area_name,
    area_type,
    valid_from,
    valid_to,
    predecessor_ids
from areas
order by area_id
