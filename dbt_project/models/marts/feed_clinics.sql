-- The measures that deserve a performance clinic and what to look at there.
select
    council.council_label as council,
    clinic.outcome_id,
    clinic.outcome_name,
    clinic.outcome_owner,
    clinic.clinic_rank,
    clinic.measure_id,
    clinic.measure_name,
    clinic.domain,
    clinic.owner,
    clinic.weight,
    clinic.reasons,
    clinic.sentence,
    clinic.worst_unit_name,
    clinic.worst_unit_sentence,
    clinic.best_neighbour_name,
    clinic.best_neighbour_value,
    clinic.best_run_value,
    clinic.best_run_start,
    clinic.best_run_end,
    clinic.linked_measures,
    clinic.link_sentence,
    clinic.poor_data,
    clinic.interventions,
    clinic.activities,
    clinic.next_steps,
    clinic.next_question
from {{ ref('clinic') }} as clinic
cross join {{ ref('dim_council') }} as council
order by clinic.outcome_id, clinic.clinic_rank
