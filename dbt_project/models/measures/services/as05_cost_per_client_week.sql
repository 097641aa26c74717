-- Gross cost of adult social care per client and week: each package counts for the days on which it ran in the quarter,
-- at its weekly cost; a week is seven of them.
with quarters_of_packages as (
    select
        packages.unit_id,
        quarters.period_start,
        packages.weekly_cost_gbp,
        {{ days_between(
            'greatest(packages.start_date, quarters.period_start)',
            'least(coalesce(packages.end_date, quarters.period_end), quarters.period_end)'
        ) }} + 1 as days,
        packages.extract_id,
        packages.source_row
    from {{ ref('fct_care_packages') }} as packages
    cross join {{ ref('dim_council') }} as council
    inner join {{ ref('dim_periods') }} as quarters
        on
            quarters.period_type = 'quarter'
            and quarters.period_start >= council.first_period_start
            and quarters.period_end <= council.reporting_period_end
            and quarters.period_end >= packages.start_date
            and quarters.period_start <= coalesce(packages.end_date, quarters.period_start)
)

select
    'AS05' as measure_id,
    unit_id,
    '' as area_id,
    period_start,
    cast(weekly_cost_gbp * days / 7 as decimal(18, 8)) as numerator,
    cast(days / 7 as decimal(18, 8)) as denominator,
    false as is_provisional,
    extract_id,
    source_row
from quarters_of_packages
