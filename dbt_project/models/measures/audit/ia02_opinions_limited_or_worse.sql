-- Audit opinions of limited, partial or no assurance, of the opinions issued.
select
    'IA02' as measure_id,
    audits.unit_id,
    '' as area_id,
    audits.issued_month as period_start,
    case when audits.opinion in ('partial', 'limited', 'none') then 1 else 0 end as numerator,
    1 as denominator,
    false as is_provisional,
    audits.extract_id,
    audits.source_row
from {{ ref('fct_audits') }} as audits
inner join {{ ref('dim_council') }} as council on audits.issued_date <= council.reporting_period_end
where audits.opinion is not null
