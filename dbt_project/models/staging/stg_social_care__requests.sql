-- The newest version of every request: each quarter's extract holds the rows updated in that quarter.
with versions as (
    select
        request_id,
        received_date,
        age_group,
        route,
        unit_code,
        decided_date,
        outcome,
        updated_at,
        _extract_id as extract_id,
        _row_number as source_row,
        row_number() over (
            partition by request_id order by _period_start desc, _extracted_at desc, _row_number desc
        ) as version_number
    from {{ source('raw', 'social_care__requests') }}
)

select
    request_id,
    received_date,
    age_group,
    route,
    unit_code,
    decided_date,
    outcome,
    updated_at,
    extract_id,
    source_row
from versions
where version_number = 1
