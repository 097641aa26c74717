select
    measure_id,
    measure_name,
    measure_description,
    outcome_id,
    domain,
    measure_type,
    polarity,
    value_unit,
    multiplier,
    decimal_places,
    frequency,
    accumulation,
    owner,
    numerator_label,
    denominator_label,
    source_label,
    valid_from,
    valid_to,
    supersedes,
    roll_up,
    interval_method
from {{ ref('stg_framework__measures') }}
order by measure_id
