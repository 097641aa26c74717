-- Numerators and denominators are added up through the organisation and over time, and only then divided. Where a
-- measure rolls up its numerator alone, the council's denominator stands for every unit; where it rolls up nothing,
-- each unit's rows are its own.
with by_ancestor as (
    select
        components.measure_id,
        ancestors.ancestor_unit_id as unit_id,
        components.area_id,
        components.period_start,
        sum(components.numerator) as numerator,
        sum(components.denominator) as denominator,
        max(case when components.is_provisional then 1 else 0 end) as provisional,
        max(case when components.is_provisional and components.denominator <> 0 then 1 else 0 end)
            as denominator_provisional
    from {{ ref('measure_components') }} as components
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = components.measure_id
    inner join {{ ref('bridge_unit_ancestors') }} as ancestors
        on
            ancestors.unit_id = components.unit_id
            and (ancestors.ancestor_unit_id = components.unit_id or coalesce(measures.roll_up, 'both') <> 'none')
    group by components.measure_id, ancestors.ancestor_unit_id, components.area_id, components.period_start
),

by_window as (
    select
        windows.measure_id,
        by_ancestor.unit_id,
        by_ancestor.area_id,
        windows.basis,
        windows.period_type,
        windows.period_start,
        windows.period_end,
        windows.period_code,
        windows.period_label,
        sum(by_ancestor.numerator) as numerator,
        sum(by_ancestor.denominator) as denominator,
        max(by_ancestor.provisional) as provisional,
        max(by_ancestor.denominator_provisional) as denominator_provisional
    from by_ancestor
    inner join {{ ref('measure_windows') }} as windows
        on
            windows.measure_id = by_ancestor.measure_id
            and by_ancestor.period_start between windows.window_start and windows.window_end
    group by
        windows.measure_id,
        by_ancestor.unit_id,
        by_ancestor.area_id,
        windows.basis,
        windows.period_type,
        windows.period_start,
        windows.period_end,
        windows.period_code,
        windows.period_label
),

-- A monthly measure's longer period stays provisional while one of its months has no row at all.
months_present as (
    select distinct
        measure_id,
        period_start
    from {{ ref('measure_components') }}
),

incomplete as (
    select
        windows.measure_id,
        windows.basis,
        windows.period_type,
        windows.period_start
    from {{ ref('measure_windows') }} as windows
    left join months_present
        on
            months_present.measure_id = windows.measure_id
            and months_present.period_start between windows.window_start and windows.window_end
    group by
        windows.measure_id, windows.basis, windows.period_type, windows.period_start, windows.months_expected
    having count(months_present.period_start) < windows.months_expected
),

-- The council has every row below it, so the largest denominator is its own.
by_council as (
    select
        measure_id,
        area_id,
        basis,
        period_type,
        period_start,
        max(denominator) as denominator,
        max(denominator_provisional) as provisional
    from by_window
    group by measure_id, area_id, basis, period_type, period_start
),

with_denominator as (
    select
        by_window.measure_id,
        by_window.unit_id,
        by_window.area_id,
        by_window.basis,
        by_window.period_type,
        by_window.period_start,
        by_window.period_end,
        by_window.period_code,
        by_window.period_label,
        by_window.numerator,
        case when measures.roll_up = 'numerator' then by_council.denominator else by_window.denominator end
            as denominator,
        by_window.provisional = 1
        or (coalesce(measures.roll_up, 'both') = 'numerator' and by_council.provisional = 1) as is_provisional,
        measures.multiplier,
        measures.decimal_places,
        measures.interval_method,
        -- A figure of its own is of cases where it has an interval; else, as an average pay, its size says nothing.
        coalesce(measures.roll_up, 'both') <> 'none' or measures.interval_method is not null as is_counted
    from by_window
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = by_window.measure_id
    inner join by_council
        on
            by_council.measure_id = by_window.measure_id
            and by_council.area_id = by_window.area_id
            and by_council.basis = by_window.basis
            and by_council.period_type = by_window.period_type
            and by_council.period_start = by_window.period_start
),

calculated as (
    select
        figures.measure_id,
        figures.unit_id,
        figures.area_id,
        figures.basis,
        figures.period_type,
        figures.period_start,
        figures.period_end,
        figures.period_code,
        figures.period_label,
        figures.numerator,
        figures.denominator,
        {{ measure_value('figures.numerator', 'figures.denominator', 'figures.multiplier', 'figures.decimal_places') }}
            as value,
        coalesce(cast(survey.lower_pct as decimal(28, 10)), {{ interval_limit(
            'lower', 'figures.interval_method', 'figures.numerator', 'figures.denominator', 'figures.multiplier'
        ) }}) as interval_lower,
        coalesce(cast(survey.upper_pct as decimal(28, 10)), {{ interval_limit(
            'upper', 'figures.interval_method', 'figures.numerator', 'figures.denominator', 'figures.multiplier'
        ) }}) as interval_upper,
        figures.decimal_places,
        coalesce(figures.is_counted and abs(figures.denominator) < {{ var('small_denominator') }}, false)
            as is_small_denominator,
        figures.is_provisional or incomplete.measure_id is not null as is_provisional
    from with_denominator as figures
    left join incomplete
        on
            incomplete.measure_id = figures.measure_id
            and incomplete.basis = figures.basis
            and incomplete.period_type = figures.period_type
            and incomplete.period_start = figures.period_start
    left join {{ ref('fct_survey_estimates') }} as survey
        on
            figures.interval_method = 'published'
            and survey.measure_id = figures.measure_id
            and survey.area_id = figures.area_id
            and survey.year_start = figures.period_start
)

select
    measure_id,
    unit_id,
    area_id,
    basis,
    period_type,
    period_start,
    period_end,
    period_code,
    period_label,
    cast(numerator as decimal(28, 8)) as numerator,
    cast(denominator as decimal(28, 8)) as denominator,
    value,
    {{ round_to('interval_lower', 'decimal_places') }} as interval_lower,
    {{ round_to('interval_upper', 'decimal_places') }} as interval_upper,
    is_small_denominator,
    is_provisional
from calculated
where value is not null
order by measure_id, unit_id, area_id, basis, period_type, period_start
