-- Why there is no value: what owners said in their returns, and returns that never came. A unit that signs its returns
-- off and sent none for a quarter, when others did, is missing from whatever is counted from activities and milestones.
with returning_units as (
    select
        unit_id,
        min(quarter_start) as first_start
    from {{ ref('fct_sign_offs') }}
    group by unit_id
),

returned_quarters as (
    select distinct quarter_start
    from {{ ref('fct_sign_offs') }}
),

returned as (
    select distinct
        unit_id,
        quarter_start
    from {{ ref('fct_sign_offs') }}
),

gaps as (
    select
        measure_id,
        unit_id,
        period_start,
        missing_reason
    from {{ ref('fct_returned_values') }}
    where missing_reason is not null

    union all

    select distinct
        datasets.measure_id,
        returning_units.unit_id,
        returned_quarters.quarter_start as period_start,
        'not_returned' as missing_reason
    from returning_units
    inner join returned_quarters on returned_quarters.quarter_start >= returning_units.first_start
    inner join {{ ref('dim_units') }} as units
        on
            units.unit_id = returning_units.unit_id
            and coalesce(units.valid_to, returned_quarters.quarter_start) >= returned_quarters.quarter_start
    inner join {{ ref('measure_datasets') }} as datasets
        on datasets.system = 'plan' and datasets.dataset in ('activities', 'milestones')
    left join returned
        on returned.unit_id = returning_units.unit_id and returned.quarter_start = returned_quarters.quarter_start
    where returned.unit_id is null
)

select
    gaps.measure_id,
    gaps.unit_id,
    periods.period_type,
    periods.period_start,
    periods.period_code,
    periods.period_label,
    gaps.missing_reason
from gaps
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = gaps.measure_id
inner join {{ ref('dim_periods') }} as periods
    on periods.period_type = measures.frequency and periods.period_start = gaps.period_start
order by gaps.measure_id, gaps.unit_id, periods.period_start
