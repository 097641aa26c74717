-- A figure that was published as final, and is another one now, and nobody has said why. A council whose council.yaml
-- says `corrections: required` publishes nothing until somebody has.
{{ config(severity='warn') }}
with files as (
    select max(origin) as origin
    from {{ ref('dim_extracts') }}
    where system = 'framework' and dataset = 'corrections'
)

select
    restated.measure_id,
    restated.unit_id,
    restated.period_type,
    restated.period_start,
    restated.measure_id || ', ' || restated.unit_id
    || case when restated.area_id <> '' then ' in ' || restated.area_id else '' end || ', ' || restated.period_label
    || ': ' || {{ number_text('restated.published_value', 'measures.decimal_places') }} || ' was published as final ('
    || restated.published_in || '), and it is '
    || coalesce({{ number_text('restated.current_value', 'measures.decimal_places') }}, 'gone') || ' now. Write the '
    || 'reason code and an explanation into ' || coalesce(files.origin, 'a file of the dataset framework/corrections')
    || '.' as message
from {{ ref('restatements') }} as restated
inner join {{ ref('dim_measures') }} as measures on measures.measure_id = restated.measure_id
cross join files
where restated.is_unexplained
