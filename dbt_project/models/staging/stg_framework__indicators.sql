select
    measure_id,
    indicator,
    measure as published_measure,
    unit as published_unit,
    value_name,
    neighbour_set,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'framework__indicators') }}
