-- A measure, unit, outcome or portfolio that the framework has no row for: what names it would be left out, and nobody
-- would miss it. Targets have checks of their own.
{{ config(severity='warn') }}
with named as (
    select
        'service_priorities' as dataset,
        priority_id as row_id,
        'unit' as kind,
        unit_id as name
    from {{ ref('dim_service_priorities') }}

    union all

    select
        'service_priorities' as dataset,
        priority_id as row_id,
        'outcome' as kind,
        outcome_id as name
    from {{ ref('dim_service_priorities') }}

    union all

    select
        'service_priorities' as dataset,
        priority_id as row_id,
        'measure' as kind,
        measure_id as name
    from {{ ref('dim_service_priorities') }}

    {%- for kind in ('outcome', 'unit') %}

    union all

    select
        'focus' as dataset,
        focus_id as row_id,
        '{{ kind }}' as kind,
        {{ kind }}_id as name
    from {{ ref('dim_focus') }}
    {%- endfor %}

    union all

    select
        'links' as dataset,
        link_id as row_id,
        'measure' as kind,
        driver_measure_id as name
    from {{ ref('dim_links') }}

    union all

    select
        'links' as dataset,
        link_id as row_id,
        'measure' as kind,
        response_measure_id as name
    from {{ ref('dim_links') }}
    {%- for which in ('demand', 'cost', 'outcome') %}

    union all

    select
        'service_values' as dataset,
        unit_id as row_id,
        'measure' as kind,
        {{ which }}_measure_id as name
    from {{ ref('dim_service_values') }}
    {%- endfor %}

    union all

    select
        'service_values' as dataset,
        unit_id as row_id,
        'unit' as kind,
        unit_id as name
    from {{ ref('dim_service_values') }}

    union all

    select
        'owners' as dataset,
        owner as row_id,
        'unit' as kind,
        unit_id as name
    from {{ ref('dim_owners') }}

    union all

    select
        'measures' as dataset,
        measure_id as row_id,
        'measure' as kind,
        supersedes as name
    from {{ ref('dim_measures') }}
    {%- for dataset, model in (('corrections', 'dim_corrections'), ('published_figures', 'fct_published_figures')) %}
    {%- for kind in ('measure', 'unit') %}

    union all

    select
        '{{ dataset }}' as dataset,
        measure_id as row_id,
        '{{ kind }}' as kind,
        {{ kind }}_id as name
    from {{ ref(model) }}
    {%- endfor %}
    {%- endfor %}
),

known as (
    select
        'measure' as kind,
        measure_id as name
    from {{ ref('dim_measures') }}

    union all

    select
        'unit' as kind,
        unit_id as name
    from {{ ref('dim_units') }}

    union all

    select
        'outcome' as kind,
        outcome_id as name
    from {{ ref('dim_outcomes') }}
)

select distinct
    named.dataset,
    named.row_id,
    named.kind,
    named.name,
    named.dataset || '.csv: ' || named.row_id || ' names the ' || named.kind || ' ' || named.name
    || ', which the framework does not have. Correct it, or add the ' || named.kind || '.' as message
from named
left join known on known.kind = named.kind and known.name = named.name
where named.name is not null and known.name is null
