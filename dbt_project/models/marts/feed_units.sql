-- The organisation as a tree, with who answers for each part.
with levels as (
    select
        unit_id,
        max(depth) as depth
    from {{ ref('bridge_unit_ancestors') }}
    group by unit_id
),

directorates as (
    select
        above.unit_id,
        units.unit_id as directorate_id,
        units.unit_name as directorate_name
    from {{ ref('bridge_unit_ancestors') }} as above
    inner join {{ ref('dim_units') }} as units on units.unit_id = above.ancestor_unit_id
    where units.unit_level = 'directorate'
),

owners as (
    select
        owners.unit_id,
        {{ all_of('owners.owner') }} as owners
    from {{ ref('dim_owners') }} as owners
    inner join {{ ref('dim_council') }} as council
        on
            owners.valid_from <= council.reporting_period_end
            and coalesce(owners.valid_to, council.reporting_period_end) >= council.reporting_period_end
    group by owners.unit_id
)

select
    council.council_label as council,
    units.unit_id,
    units.unit_name,
    units.unit_level,
    units.parent_unit_id,
    parents.unit_name as parent_unit_name,
    directorates.directorate_id,
    directorates.directorate_name,
    levels.depth,
    owners.owners as owner,
    units.valid_from,
    units.valid_to
from {{ ref('dim_units') }} as units
cross join {{ ref('dim_council') }} as council
inner join levels on levels.unit_id = units.unit_id
left join {{ ref('dim_units') }} as parents on parents.unit_id = units.parent_unit_id
left join directorates on directorates.unit_id = units.unit_id
left join owners on owners.unit_id = units.unit_id
order by units.unit_id
