-- How the council stands among its neighbours.
select
    council.council_label as council,
    benchmark.measure_id,
    measures.measure_name,
    benchmark.neighbour_set,
    benchmark.period_start,
    benchmark.period_end,
    benchmark.period_label,
    benchmark.value,
    benchmark.neighbours,
    benchmark.median_value,
    benchmark.lower_quartile,
    benchmark.upper_quartile,
    benchmark.percentile,
    benchmark.quartile,
    benchmark.rank,
    benchmark.gap_to_median,
    benchmark.gap_to_top_quartile,
    benchmark.best_area_name,
    benchmark.best_value,
    benchmark.is_comparable,
    benchmark.is_newest,
    measures.value_unit,
    measures.decimal_places,
    measures.polarity
from {{ ref('benchmark') }} as benchmark
cross join {{ ref('dim_council') }} as council
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = benchmark.measure_id
order by benchmark.measure_id, benchmark.neighbour_set, benchmark.period_start, benchmark.period_end
