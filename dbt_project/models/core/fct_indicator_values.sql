-- Published values that a measure of the framework takes, for the council itself, its neighbours and England. Every
-- row that can't stand as a figure says why: two values for one area and period that nothing tells apart (a table by
-- sex that has lost its sex column) are not averaged and not chosen from. A neighbour is one while it belongs to the
-- set, at the period's end. A measure without a neighbour set is compared with every council of its table (codes E06 to
-- E10, W06, S12, N09), not with the wards that some tables hold too.
with taken as (
    select
        indicators.measure_id,
        indicators.neighbour_set,
        published.area_code,
        case
            when published.area_code = '{{ var('england_area_code') }}' then 'England'
            else coalesce(neighbours.area_name, published.area_name)
        end as area_name,
        case
            when published.area_code = council.area_code then 'own'
            when published.area_code = '{{ var('england_area_code') }}' then 'england'
            when neighbours.area_code is not null then 'neighbour'
            when
                indicators.neighbour_set is null
                and substring(published.area_code, 1, 3)
                in ('E06', 'E07', 'E08', 'E09', 'E10', 'W06', 'S12', 'N09')
                then 'neighbour'
        end as area_role,
        published.period_text,
        -- Published tables write school years like financial years.
        case
            when measures.frequency = 'academic_year' then {{ months_after('published.period_start', 5) }}
            else published.period_start
        end as period_start,
        case
            when measures.frequency = 'academic_year' then last_day({{ months_after('published.period_end', 5) }})
            else published.period_end
        end as period_end,
        published.inequality,
        published.value,
        published.extract_id,
        published.source_row
    from {{ ref('dim_indicators') }} as indicators
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = indicators.measure_id
    inner join {{ ref('fct_published_values') }} as published
        on
            published.indicator = indicators.indicator
            and (indicators.published_measure is null or published.published_measure = indicators.published_measure)
            and (indicators.published_unit is null or published.published_unit = indicators.published_unit)
            and (indicators.value_name is null or published.value_name = indicators.value_name)
    cross join {{ ref('dim_council') }} as council
    left join {{ ref('dim_neighbours') }} as neighbours
        on
            neighbours.neighbour_set = indicators.neighbour_set
            and neighbours.area_code = published.area_code
            and coalesce(neighbours.valid_from <= published.period_end, true)
            and coalesce(neighbours.valid_to >= published.period_end, true)
),

reasoned as (
    select
        *,
        case
            when value is null then 'no value published'
            when period_start is null then 'period not understood'
            when inequality is not null then 'one group of residents, not all of them'
        end as exclusion_reason
    from taken
    where area_role is not null
),

counted as (
    select
        *,
        count(*) over (partition by measure_id, area_code, period_start, period_end, exclusion_reason) as alike,
        min(period_start) over (
            partition by measure_id, area_code, period_end, exclusion_reason
        ) as longest_start
    from reasoned
)

select
    measure_id,
    neighbour_set,
    area_code,
    area_name,
    area_role,
    period_text,
    period_start,
    period_end,
    value,
    case
        when exclusion_reason is not null then exclusion_reason
        when alike > 1 then 'several values for one area and period that nothing tells apart'
        when period_start > longest_start then 'a longer period ends on the same day'
    end as exclusion_reason,
    extract_id,
    source_row
from counted
order by measure_id, area_code, period_start, period_end, source_row
