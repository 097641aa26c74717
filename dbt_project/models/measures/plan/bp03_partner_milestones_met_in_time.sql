-- Milestones of the One City Plan that partners met by their date, of those that fell due. Partners are no units of the
-- council, so only the whole has a figure.
select
    'BP03' as measure_id,
    council.root_unit_id as unit_id,
    '' as area_id,
    milestones.due_month as period_start,
    case when milestones.is_met_in_time then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    milestones.extract_id,
    milestones.source_row
from {{ ref('fct_partner_milestones') }} as milestones
cross join {{ ref('dim_council') }} as council
where milestones.is_met_in_time is not null
