-- Where figures will stand at the end of the financial year.
select
    council.council_label as council,
    forecast.measure_id,
    measures.measure_name,
    forecast.unit_id,
    units.unit_name,
    units.unit_level,
    forecast.year_start,
    forecast.year_end,
    forecast.year_label,
    forecast.last_period_end,
    forecast.last_value,
    forecast.quarters_ahead,
    forecast.method,
    forecast.evidence,
    forecast.projection,
    forecast.projection_lower,
    forecast.projection_upper,
    forecast.target,
    forecast.outlook,
    forecast.is_forecast,
    forecast.is_provisional,
    measures.value_unit,
    measures.decimal_places
from {{ ref('forecast') }} as forecast
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = forecast.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = forecast.unit_id
order by forecast.measure_id, forecast.unit_id
