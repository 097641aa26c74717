-- Each figure that was published and later gave way to another: in a release of this pipeline, or in papers from before
-- it. What was published is put in the order in which it became known, the figure as it is now last; where one differs
-- from the next, it was restated. A release that says the same as the one before adds no row.
with published as (
    select
        measure_id,
        unit_id,
        area_id,
        basis,
        period_type,
        period_start,
        period_end,
        period_label,
        value,
        decimal_places,
        is_provisional,
        release as published_in,
        published_on,
        release_order
    from {{ source('raw', 'vitals__published') }}

    union all

    select
        papers.measure_id,
        papers.unit_id,
        '' as area_id,
        'reported' as basis,
        papers.period_type,
        papers.period_start,
        periods.period_end,
        periods.period_label,
        papers.value,
        measures.decimal_places,
        coalesce(papers.is_provisional, false) as is_provisional,
        papers.publication as published_in,
        papers.published_on,
        0 as release_order
    from {{ ref('fct_published_figures') }} as papers
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = papers.measure_id
    inner join {{ ref('dim_periods') }} as periods
        on periods.period_type = papers.period_type and periods.period_start = papers.period_start
),

-- Few figures ever change; only these are put in order.
ranges as (
    select
        measure_id,
        unit_id,
        area_id,
        basis,
        period_type,
        period_start,
        max(period_end) as period_end,
        min(value) as lowest,
        max(value) as highest
    from published
    group by measure_id, unit_id, area_id, basis, period_type, period_start
),

suspects as (
    select
        ranges.measure_id,
        ranges.unit_id,
        ranges.area_id,
        ranges.basis,
        ranges.period_type,
        ranges.period_start,
        measures.decimal_places,
        figures.value
    from ranges
    inner join {{ ref('dim_council') }} as council on ranges.period_end <= council.reporting_period_end
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = ranges.measure_id
    inner join {{ ref('dim_units') }} as units on units.unit_id = ranges.unit_id
    left join {{ ref('measure_values') }} as figures
        on
            figures.measure_id = ranges.measure_id
            and figures.unit_id = ranges.unit_id
            and figures.area_id = ranges.area_id
            and figures.basis = ranges.basis
            and figures.period_type = ranges.period_type
            and figures.period_start = ranges.period_start
    where figures.value is null or ranges.lowest <> figures.value or ranges.highest <> figures.value
),

known as (
    select
        published.measure_id,
        published.unit_id,
        published.area_id,
        published.basis,
        published.period_type,
        published.period_start,
        published.period_end,
        published.period_label,
        published.value,
        published.decimal_places,
        published.is_provisional,
        published.published_in,
        published.published_on,
        published.release_order,
        false as is_current
    from published
    inner join suspects
        on
            suspects.measure_id = published.measure_id
            and suspects.unit_id = published.unit_id
            and suspects.area_id = published.area_id
            and suspects.basis = published.basis
            and suspects.period_type = published.period_type
            and suspects.period_start = published.period_start

    union all

    select
        measure_id,
        unit_id,
        area_id,
        basis,
        period_type,
        period_start,
        cast(null as date) as period_end,
        cast(null as string) as period_label,
        value,
        decimal_places,
        false as is_provisional,
        cast(null as string) as published_in,
        cast(null as date) as published_on,
        cast(null as int) as release_order,
        true as is_current
    from suspects
),

placed as (
    select
        *,
        row_number() over (
            partition by measure_id, unit_id, area_id, basis, period_type, period_start
            order by is_current, release_order, published_on, published_in
        ) as place
    from known
),

-- A figure known at more decimal places than before has not changed if it rounds to what it was.
compared as (
    select
        former.measure_id,
        former.unit_id,
        former.area_id,
        former.basis,
        former.period_type,
        former.period_start,
        former.period_end,
        former.period_label,
        former.published_in,
        former.published_on,
        former.is_provisional,
        former.value as published_value,
        latter.value as current_value,
        {{ round_to('former.value', 'least(former.decimal_places, latter.decimal_places)') }} as rounded_former,
        {{ round_to('latter.value', 'least(former.decimal_places, latter.decimal_places)') }} as rounded_latter
    from placed as former
    inner join placed as latter
        on
            latter.measure_id = former.measure_id
            and latter.unit_id = former.unit_id
            and latter.area_id = former.area_id
            and latter.basis = former.basis
            and latter.period_type = former.period_type
            and latter.period_start = former.period_start
            and latter.place = former.place + 1
),

changed as (
    select *
    from compared
    where rounded_latter is null or rounded_former <> rounded_latter
),

-- A correction explains the figures of its unit and of those above it for every period that its own period touches. Of
-- several the one for that very figure counts first, then the first one after the figure was published.
explained as (
    select
        changed.measure_id,
        changed.unit_id,
        changed.area_id,
        changed.basis,
        changed.period_type,
        changed.period_start,
        changed.published_in,
        corrections.reason_code,
        corrections.explanation,
        row_number() over (
            partition by
                changed.measure_id,
                changed.unit_id,
                changed.area_id,
                changed.basis,
                changed.period_type,
                changed.period_start,
                changed.published_in
            order by
                case when corrections.corrected_on >= changed.published_on then 0 else 1 end,
                case when corrections.unit_id = changed.unit_id then 0 else 1 end,
                case when corrections.period_type = changed.period_type then 0 else 1 end,
                corrections.corrected_on,
                corrections.period_start,
                corrections.unit_id
        ) as preference
    from changed
    inner join {{ ref('dim_corrections') }} as corrections on corrections.measure_id = changed.measure_id
    inner join {{ ref('dim_periods') }} as periods
        on
            periods.period_type = corrections.period_type
            and periods.period_start = corrections.period_start
            and periods.period_start <= changed.period_end
            and periods.period_end >= changed.period_start
    inner join {{ ref('bridge_unit_ancestors') }} as units
        on units.unit_id = corrections.unit_id and units.ancestor_unit_id = changed.unit_id
)

select
    changed.measure_id,
    changed.unit_id,
    changed.area_id,
    changed.basis,
    changed.period_type,
    changed.period_start,
    changed.period_end,
    changed.period_label,
    changed.published_in,
    changed.published_on,
    changed.published_value,
    changed.current_value,
    cast(changed.current_value - changed.published_value as decimal(18, 4)) as change,
    changed.is_provisional as was_provisional,
    coalesce(explained.reason_code, case when changed.is_provisional then 'R2' end) as reason_code,
    explained.explanation,
    explained.reason_code is null and not changed.is_provisional as is_unexplained
from changed
left join explained
    on
        explained.measure_id = changed.measure_id
        and explained.unit_id = changed.unit_id
        and explained.area_id = changed.area_id
        and explained.basis = changed.basis
        and explained.period_type = changed.period_type
        and explained.period_start = changed.period_start
        and explained.published_in = changed.published_in
        and explained.preference = 1
order by
    changed.measure_id,
    changed.unit_id,
    changed.area_id,
    changed.basis,
    changed.period_type,
    changed.period_start,
    changed.published_on,
    changed.published_in
