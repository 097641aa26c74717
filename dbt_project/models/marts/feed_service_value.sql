-- How much, at what cost, for what outcome.
select
    council.council_label as council,
    service.unit_id,
    service.unit_name,
    service.period_start,
    service.period_end,
    service.period_code,
    service.period_label,
    service.is_complete,
    service.demand_measure_id,
    service.demand,
    service.cost_measure_id,
    service.spend_gbp,
    service.spend_real_gbp,
    service.unit_of_cost,
    service.unit_cost_gbp,
    service.unit_cost_real_gbp,
    service.spend_per_demand_gbp,
    service.price_year,
    service.deflator_vintage_date,
    service.is_deflator_forecast,
    service.outcome_measure_id,
    service.outcome_value,
    service.is_provisional,
    demand_measures.measure_name as demand_measure_name,
    cost_measures.measure_name as cost_measure_name,
    outcome_measures.measure_name as outcome_measure_name,
    outcome_measures.value_unit as outcome_value_unit
from {{ ref('service_value') }} as service
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as demand_measures on demand_measures.measure_id = service.demand_measure_id
inner join {{ ref('dim_measures') }} as cost_measures on cost_measures.measure_id = service.cost_measure_id
inner join {{ ref('dim_measures') }} as outcome_measures on outcome_measures.measure_id = service.outcome_measure_id
order by service.unit_id, service.period_start
