-- Prevention and relief duties that ended with a home secured, of those that ended (Homelessness Reduction Act 2017).
-- The main duty is neither prevention nor relief.
select
    'HO01' as measure_id,
    unit_id,
    '' as area_id,
    ended_month as period_start,
    case when outcome = 'secured_accommodation' then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_homelessness_duties') }}
where duty in ('prevention', 'relief') and ended_date is not null
