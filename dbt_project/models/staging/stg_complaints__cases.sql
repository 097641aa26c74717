-- The newest version of every case and stage: each quarter's extract holds the rows updated in that quarter.
with versions as (
    select
        case_id,
        stage,
        received_date,
        acknowledged_date,
        answered_date,
        extension_working_days,
        outcome,
        root_cause,
        unit_code,
        uprn,
        updated_at,
        _extract_id as extract_id,
        _row_number as source_row,
        row_number() over (
            partition by case_id, stage order by _period_start desc, _extracted_at desc, _row_number desc
        ) as version_number
    from {{ source('raw', 'complaints__cases') }}
)

select
    case_id,
    stage,
    received_date,
    acknowledged_date,
    answered_date,
    extension_working_days,
    outcome,
    root_cause,
    unit_code,
    uprn,
    updated_at,
    extract_id,
    source_row
from versions
where version_number = 1
