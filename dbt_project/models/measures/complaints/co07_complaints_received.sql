-- Stage 1 complaints received. A unit that has had complaints and has none in a month has had 0, which is a figure: its
-- own row in the framework counts as that 0.
with months as (
    select months.period_start
    from {{ ref('dim_extracts') }} as extracts
    inner join {{ ref('dim_periods') }} as months
        on months.period_type = 'month' and months.quarter_start = extracts.period_start
    where extracts.system = 'complaints' and extracts.dataset = 'cases'
),

complained_about as (
    select distinct unit_id
    from {{ ref('fct_complaints') }}
    where stage = 1
)

select
    'CO07' as measure_id,
    unit_id,
    area_id,
    received_month as period_start,
    1 as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_complaints') }}
where stage = 1

union all

select
    'CO07' as measure_id,
    units.unit_id,
    '' as area_id,
    months.period_start,
    0 as numerator,
    cast(null as int) as denominator,
    false as is_provisional,
    units.extract_id,
    units.source_row
from {{ ref('dim_units') }} as units
inner join complained_about on complained_about.unit_id = units.unit_id
inner join months
    on
        units.source_row is not null
        and months.period_start >= units.valid_from
        and months.period_start <= coalesce(units.valid_to, months.period_start)
