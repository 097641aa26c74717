-- Stage 1 complaints received per resident. The population counts once a quarter, at the council itself: services
-- have no residents of their own, so only the whole council has a figure. Estimates are for 30 June; the newest not
-- later than the end of the quarter is in force, and the figure is provisional until the one for that June is out.
with populations as (
    select
        quarters.period_start,
        quarters.period_end,
        max(population.estimate_date) as estimate_date
    from {{ ref('dim_council') }} as council
    inner join {{ ref('dim_extracts') }} as extracts
        on extracts.system = 'complaints' and extracts.dataset = 'cases'
    inner join {{ ref('dim_periods') }} as quarters
        on quarters.period_type = 'quarter' and quarters.period_start = extracts.period_start
    inner join {{ ref('fct_population') }} as population
        on population.area_code = council.area_code and population.estimate_date <= quarters.period_end
    group by quarters.period_start, quarters.period_end
)

select
    'CO05' as measure_id,
    unit_id,
    area_id,
    received_month as period_start,
    1 as numerator,
    0 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_complaints') }}
where stage = 1

union all

select
    'CO05' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    populations.period_start,
    0 as numerator,
    population.population as denominator,
    {{ months_after('populations.estimate_date', 12) }} <= populations.period_end as is_provisional,
    population.extract_id,
    population.source_row
from populations
cross join {{ ref('dim_council') }} as council
inner join {{ ref('fct_population') }} as population
    on population.area_code = council.area_code and population.estimate_date = populations.estimate_date
