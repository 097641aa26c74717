-- Where problems meet: each unit below the council in each domain, from the worst of its measures. Units are ranked
-- among those of their level, first by the number of domains in which they have a concern that lasts (two points or
-- more, up to the last one): one odd month in each of many small figures is what chance brings.
{% set states = "case state when 'concern' then 1 when 'off_target' then 2 when 'improvement' then 3 else 4 end" %}
with figures as (
    select
        current_figures.*,
        row_number() over (
            partition by current_figures.unit_id, current_figures.domain
            order by
                {{ states }},
                case when current_figures.is_lasting_concern then 1 else 2 end,
                case measures.measure_type when 'strategic' then 1 else 2 end,
                measures.measure_id
        ) as place
    from {{ ref('current_figures') }} as current_figures
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = current_figures.measure_id
    where current_figures.unit_level not in ('council', 'unassigned')
),

cells as (
    select
        unit_id,
        domain,
        count(*) as measures,
        count(case when state = 'concern' then 1 end) as concerns,
        count(case when is_lasting_concern then 1 end) as lasting_concerns,
        count(case when state = 'off_target' then 1 end) as off_target,
        count(case when state = 'improvement' then 1 end) as improvements,
        {{ listed("case when state in ('concern', 'off_target') then measure_id end", 'place', 6) }} as measure_ids,
        max(case when place = 1 then state end) as state,
        max(case when place = 1 then sentence end) as evidence
    from figures
    group by unit_id, domain
),

measured_domains as (
    select distinct domain
    from cells
),

grid as (
    select
        units.unit_id,
        units.unit_name,
        units.unit_level,
        domains.domain,
        domains.domain_name,
        domains.domain_order
    from {{ ref('dim_units') }} as units
    inner join {{ ref('dim_council') }} as council
        on coalesce(units.valid_to, council.reporting_period_end) >= council.reporting_period_end
    cross join {{ ref('dim_domains') }} as domains
    inner join measured_domains on measured_domains.domain = domains.domain
    where units.unit_level not in ('council', 'unassigned')
),

unit_totals as (
    select
        unit_id,
        count(case when state = 'concern' then 1 end) as domains_in_concern,
        count(case when lasting_concerns > 0 then 1 end) as domains_in_lasting_concern,
        count(case when state = 'off_target' then 1 end) as domains_off_target,
        count(*) as domains_measured,
        sum(lasting_concerns) as unit_lasting_concerns,
        sum(concerns) as unit_concerns,
        sum(off_target) as unit_off_target
    from cells
    group by unit_id
)

select
    grid.unit_id,
    grid.unit_name,
    grid.unit_level,
    grid.domain,
    grid.domain_name,
    grid.domain_order,
    coalesce(cells.state, 'no_data') as state,
    coalesce(cells.concerns, 0) as concerns,
    coalesce(cells.lasting_concerns, 0) as lasting_concerns,
    coalesce(cells.off_target, 0) as off_target,
    coalesce(cells.improvements, 0) as improvements,
    coalesce(cells.measures, 0) as measures,
    coalesce(cells.measure_ids, '') as measure_ids,
    coalesce(cells.evidence, 'No figure for the reporting period.') as evidence,
    coalesce(unit_totals.domains_in_concern, 0) as domains_in_concern,
    coalesce(unit_totals.domains_in_lasting_concern, 0) as domains_in_lasting_concern,
    coalesce(unit_totals.domains_off_target, 0) as domains_off_target,
    coalesce(unit_totals.domains_measured, 0) as domains_measured,
    dense_rank() over (
        partition by grid.unit_level
        order by
            coalesce(unit_totals.domains_in_lasting_concern, 0) desc,
            coalesce(unit_totals.unit_lasting_concerns, 0) desc,
            coalesce(unit_totals.domains_in_concern, 0) desc,
            coalesce(unit_totals.domains_off_target, 0) desc,
            coalesce(unit_totals.unit_concerns, 0) desc,
            coalesce(unit_totals.unit_off_target, 0) desc
    ) as unit_rank
from grid
left join cells on cells.unit_id = grid.unit_id and cells.domain = grid.domain
left join unit_totals on unit_totals.unit_id = grid.unit_id
order by grid.unit_level, unit_rank, grid.unit_id, grid.domain_order
