-- What each target in force is worth, with the evidence for the verdict.
select
    council.council_label as council,
    targets.measure_id,
    measures.measure_name,
    measures.domain,
    targets.unit_id,
    units.unit_name,
    units.unit_level,
    targets.valid_from,
    targets.valid_to,
    targets.target,
    targets.tolerance,
    targets.verdict,
    targets.evidence,
    targets.points,
    targets.lower_limit,
    targets.upper_limit,
    targets.target_position,
    targets.projected_to,
    targets.projection,
    targets.projection_lower,
    targets.projection_upper,
    targets.periods_met,
    targets.periods_judged,
    targets.neighbour_percentile,
    targets.neighbours,
    targets.gap_to_median,
    targets.gap_to_top_quartile,
    targets.is_zero_or_off_scale,
    targets.conflicts_with_polarity,
    targets.is_loosened,
    targets.is_changed_mid_year_without_rationale,
    targets.is_tolerance_wider_than_variation,
    targets.lacks_definition
from {{ ref('target_rigour') }} as targets
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = targets.measure_id
inner join {{ ref('dim_units') }} as units on units.unit_id = targets.unit_id
inner join {{ ref('dim_council') }} as council
    on
        targets.valid_from <= council.reporting_period_end
        and coalesce(targets.valid_to, council.reporting_period_end) >= council.reporting_period_end
order by targets.measure_id, targets.unit_id, targets.valid_from
