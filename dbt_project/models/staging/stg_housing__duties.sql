-- The newest version of every duty: each quarter's extract holds the rows updated in that quarter.
with versions as (
    select
        duty_id,
        duty,
        accepted_date,
        unit_code,
        has_children,
        ended_date,
        outcome,
        updated_date,
        _extract_id as extract_id,
        _row_number as source_row,
        row_number() over (
            partition by duty_id, duty order by _period_start desc, _extracted_at desc, _row_number desc
        ) as version_number
    from {{ source('raw', 'housing__duties') }}
)

select
    duty_id,
    duty,
    accepted_date,
    unit_code,
    has_children,
    ended_date,
    outcome,
    updated_date,
    extract_id,
    source_row
from versions
where version_number = 1
