select
    indicator_id,
    area_code,
    survey_year,
    indicator,
    area_type,
    estimate_pct,
    lower_pct,
    upper_pct,
    respondents,
    is_weighted,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'survey__quality_of_life') }}
