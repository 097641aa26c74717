select
    address_text,
    match_kind,
    uprn,
    match_weight,
    distinguishability,
    gazetteer_extract_id,
    matcher,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'addresses__matches') }}
