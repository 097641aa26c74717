-- Which measures move together, of those that the framework expects to.
select
    council.council_label as council,
    links.link_id,
    links.driver_measure_id,
    links.driver_name,
    links.response_measure_id,
    links.response_name,
    links.unit_id,
    links.unit_name,
    links.unit_level,
    links.period_type,
    links.lag_periods,
    links.expected_sign,
    links.rationale,
    links.points,
    links.points_effective,
    links.coefficient,
    links.p_value,
    links.q_value,
    links.test_count,
    links.is_found,
    links.sentence
from {{ ref('links') }} as links
cross join {{ ref('dim_council') }} as council
order by links.link_id, links.unit_id
