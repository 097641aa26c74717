-- Rows whose unit the framework does not know are counted too, under a unit of their own below the council.
with framework_units as (
    select
        unit_id,
        unit_name,
        unit_level,
        parent_unit_id,
        valid_from,
        valid_to,
        extract_id,
        source_row
    from {{ ref('stg_framework__units') }}
),

with_unassigned as (
    select
        unit_id,
        unit_name,
        unit_level,
        parent_unit_id,
        valid_from,
        valid_to,
        extract_id,
        source_row
    from framework_units
    where unit_id <> 'unassigned'

    union all

    select
        'unassigned' as unit_id,
        'Not matched to a unit' as unit_name,
        'unassigned' as unit_level,
        unit_id as parent_unit_id,
        valid_from,
        cast(null as date) as valid_to,
        cast(null as string) as extract_id,
        cast(null as bigint) as source_row
    from framework_units
    where unit_level = 'council'
)

select
    unit_id,
    unit_name,
    unit_level,
    parent_unit_id,
    valid_from,
    valid_to,
    extract_id,
    source_row
from with_unassigned
order by unit_id
