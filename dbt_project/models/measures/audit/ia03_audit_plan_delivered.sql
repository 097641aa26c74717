-- Audits planned for the financial year so far whose report was issued in it, of the audits planned: an audit gives a
-- row in the month it was planned for and another in the month it was delivered. Added up through the financial year.
select
    'IA03' as measure_id,
    unit_id,
    '' as area_id,
    planned_month as period_start,
    0 as numerator,
    1 as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_audits') }}

union all

select
    'IA03' as measure_id,
    audits.unit_id,
    '' as area_id,
    audits.delivered_month as period_start,
    1 as numerator,
    0 as denominator,
    false as is_provisional,
    audits.extract_id,
    audits.source_row
from {{ ref('fct_audits') }} as audits
inner join {{ ref('dim_council') }} as council on audits.issued_date <= council.reporting_period_end
where audits.delivered_month is not null
