select
    file as file_name,
    area_code,
    area_name,
    period as period_text,
    indicator,
    measure as published_measure,
    unit as published_unit,
    value_name,
    value,
    inequality,
    compared_to_england,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'indicators__published_values') }}
