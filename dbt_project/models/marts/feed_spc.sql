-- Every measure's own history as a control chart draws it, beside the target that was in force in each period. The
-- target of a cumulative or yearly sum says nothing of one month, so it stands only where it is of the same basis.
select
    council.council_label as council,
    spc.measure_id,
    measures.measure_name,
    measures.domain,
    spc.unit_id,
    units.unit_name,
    units.unit_level,
    spc.area_id,
    spc.period_type,
    spc.period_start,
    spc.period_end,
    spc.period_code,
    spc.period_label,
    spc.basis,
    spc.value,
    measures.value_unit,
    measures.decimal_places,
    measures.polarity,
    spc.is_provisional,
    spc.process_group,
    cast(round(spc.mean, 4) as decimal(18, 4)) as mean,
    cast(round(spc.lower_limit, 4) as decimal(18, 4)) as lower_limit,
    cast(round(spc.upper_limit, 4) as decimal(18, 4)) as upper_limit,
    spc.are_limits_provisional,
    spc.special_cause,
    spc.point_type,
    case when spc.basis = 'reported' or measures.accumulation = 'rolling_12_months' then targets.target end as target,
    spc.recency
from {{ ref('spc') }} as spc
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = spc.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = spc.unit_id
cross join {{ ref('dim_council') }} as council
left join {{ ref('dim_targets') }} as targets
    on
        targets.measure_id = spc.measure_id
        and targets.unit_id = spc.unit_id
        and spc.area_id = ''
        and targets.valid_from <= spc.period_end
        and coalesce(targets.valid_to, spc.period_end) >= spc.period_end
order by spc.measure_id, spc.unit_id, spc.area_id, spc.period_start, spc.period_end
