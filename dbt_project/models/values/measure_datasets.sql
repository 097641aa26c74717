-- Which datasets each measure is made from, so that a missing return is known to touch it.
with pairs as (
    {{ select_measure_datasets() }}
)

select distinct
    measure_id,
    system,
    dataset
from pairs
order by measure_id, system, dataset
