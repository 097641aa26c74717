{#- Residents as a denominator: of the council itself, not added up from its units. -#}

{#-
  One row per quarter of which `dataset` has landed: the council's population at the newest 30 June not later than the
  quarter's end, as rows of a measure of the council itself, because services have no residents of their own. The figure
  is provisional until the estimate for the quarter's own mid-year is out. Where quarters add up to a year, each brings one
  of four `parts` of the residents.
-#}
{% macro residents_of_quarters(measure_id, system, dataset, parts=1) %}
select
    '{{ measure_id }}' as measure_id,
    root_unit_id as unit_id,
    '' as area_id,
    period_start,
    0 as numerator,
    population{{ ' / ' ~ parts if parts > 1 }} as denominator,
    {{ months_after('estimate_date', 12) }} <= period_end as is_provisional,
    extract_id,
    source_row
from (
    select
        council.root_unit_id,
        quarters.period_start,
        quarters.period_end,
        population.population,
        population.estimate_date,
        population.extract_id,
        population.source_row,
        row_number() over (partition by quarters.period_start order by population.estimate_date desc) as recency
    from {{ ref('dim_council') }} as council
    inner join {{ ref('dim_extracts') }} as extracts
        on extracts.system = '{{ system }}' and extracts.dataset = '{{ dataset }}'
    inner join {{ ref('dim_periods') }} as quarters
        on quarters.period_type = 'quarter' and quarters.period_start = extracts.period_start
    inner join {{ ref('fct_population') }} as population
        on population.area_code = council.area_code and population.estimate_date <= quarters.period_end
) as populations
where recency = 1
{% endmacro %}
