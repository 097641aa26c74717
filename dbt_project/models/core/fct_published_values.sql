select
    published.file_name,
    published.area_code,
    published.area_name,
    published.period_text,
    periods.period_start,
    periods.period_end,
    published.indicator,
    published.published_measure,
    published.published_unit,
    published.value_name,
    published.value,
    published.inequality,
    published.compared_to_england,
    published.extract_id,
    published.source_row
from {{ ref('stg_indicators__published_values') }} as published
left join {{ ref('dim_published_periods') }} as periods on periods.period_text = published.period_text
