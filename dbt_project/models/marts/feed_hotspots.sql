-- Where problems meet: the matrix of units and domains, as readers see it.
select
    council.council_label as council,
    hotspots.unit_id,
    hotspots.unit_name,
    hotspots.unit_level,
    hotspots.unit_rank,
    hotspots.domain,
    hotspots.domain_name,
    hotspots.domain_order,
    hotspots.state,
    hotspots.concerns,
    hotspots.lasting_concerns,
    hotspots.off_target,
    hotspots.improvements,
    hotspots.measures,
    hotspots.measure_ids,
    hotspots.evidence
from {{ ref('hotspots') }} as hotspots
cross join {{ ref('dim_council') }} as council
order by hotspots.unit_level, hotspots.unit_rank, hotspots.unit_id, hotspots.domain_order
