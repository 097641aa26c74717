-- A missing denominator (the figure is a sum) stays missing; a denominator of 0 is a number. Rows of an area count for
-- their unit and, once more, for the area, which stands under the council: not every unit in every ward. Where nothing
-- is rolled up an area's figure is its own. An area that nobody knows is none.
with rows_of_areas as (
    select
        measure_id,
        unit_id,
        area_id,
        period_start,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        max(case when is_provisional then 1 else 0 end) as provisional,
        count(*) as row_count
    from {{ ref('measure_rows') }}
    where period_start is not null
    group by measure_id, unit_id, area_id, period_start
),

rows_added as (
    select
        rows_of_areas.measure_id,
        rows_of_areas.unit_id,
        coalesce(areas.area_id, '') as area_id,
        rows_of_areas.period_start,
        rows_of_areas.numerator,
        rows_of_areas.denominator,
        rows_of_areas.provisional,
        rows_of_areas.row_count
    from rows_of_areas
    left join {{ ref('dim_areas') }} as areas on areas.area_id = rows_of_areas.area_id
),

placed as (
    select
        rows_added.measure_id,
        rows_added.unit_id,
        '' as area_id,
        rows_added.period_start,
        rows_added.numerator,
        rows_added.denominator,
        rows_added.provisional,
        rows_added.row_count
    from rows_added
    left join {{ ref('dim_measures') }} as measures on measures.measure_id = rows_added.measure_id
    where rows_added.area_id = '' or coalesce(measures.roll_up, 'both') <> 'none'

    union all

    select
        rows_added.measure_id,
        council.root_unit_id as unit_id,
        rows_added.area_id,
        rows_added.period_start,
        rows_added.numerator,
        rows_added.denominator,
        rows_added.provisional,
        rows_added.row_count
    from rows_added
    cross join {{ ref('dim_council') }} as council
    where rows_added.area_id <> ''
)

select
    measure_id,
    unit_id,
    area_id,
    period_start,
    sum(numerator) as numerator,
    sum(denominator) as denominator,
    max(provisional) = 1 as is_provisional,
    sum(row_count) as row_count
from placed
group by measure_id, unit_id, area_id, period_start
order by measure_id, unit_id, area_id, period_start
