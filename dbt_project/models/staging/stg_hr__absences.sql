-- The newest version of every absence: each quarter's extract holds the rows updated in that quarter.
with versions as (
    select
        absence_id,
        employee_id,
        unit_code,
        start_date,
        end_date,
        fte,
        reason,
        updated_at,
        _extract_id as extract_id,
        _row_number as source_row,
        row_number() over (
            partition by absence_id order by _period_start desc, _extracted_at desc, _row_number desc
        ) as version_number
    from {{ source('raw', 'hr__absences') }}
)

select
    absence_id,
    employee_id,
    unit_code,
    start_date,
    end_date,
    fte,
    reason,
    updated_at,
    extract_id,
    source_row
from versions
where version_number = 1
