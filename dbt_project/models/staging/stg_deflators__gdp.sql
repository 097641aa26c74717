select
    vintage_date,
    financial_year,
    index_value,
    is_forecast,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'deflators__gdp') }}
