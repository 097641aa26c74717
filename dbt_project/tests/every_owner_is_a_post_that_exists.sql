-- An outcome, a measure in force or an intervention under way whose owner is no post of the reporting period. Two posts
-- may own together, written 'A; B'. A council that lists no posts is not checked.
{{ config(severity='warn') }}
with posts as (
    select distinct owners.owner
    from {{ ref('dim_owners') }} as owners
    inner join {{ ref('dim_council') }} as council
        on
            owners.valid_from <= council.reporting_period_end
            and coalesce(owners.valid_to >= council.reporting_period_end, true)
),

pairs as (
    select first_posts.owner || '; ' || second_posts.owner as owner
    from posts as first_posts
    cross join posts as second_posts
),

owned as (
    select
        'outcomes' as dataset,
        outcome_id as row_id,
        owner
    from {{ ref('dim_outcomes') }}

    union all

    select
        'measures' as dataset,
        measures.measure_id as row_id,
        measures.owner
    from {{ ref('dim_measures') }} as measures
    inner join {{ ref('dim_council') }} as council
        on coalesce(measures.valid_to >= council.reporting_period_end, true)

    union all

    select
        'interventions' as dataset,
        intervention_id as row_id,
        owner
    from {{ ref('dim_interventions') }}
    where status in ('planned', 'running')
)

select
    owned.dataset,
    owned.row_id,
    owned.owner,
    owned.dataset || '.csv: ' || owned.row_id || ' belongs to ' || owned.owner
    || ', which owners.csv has no post for in the reporting period. Name another owner, or add the post.' as message
from owned
left join posts on posts.owner = owned.owner
left join pairs on pairs.owner = owned.owner
where posts.owner is null and pairs.owner is null and exists (select 1 from {{ ref('dim_owners') }})
