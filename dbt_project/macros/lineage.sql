{#- What a model is made from, read from dbt's own graph: no second list to keep true. -#}

{#- Adds to `found` the names of the sources above the node `unique_id`, each once. -#}
{% macro collect_sources(unique_id, found, seen) %}
    {% if unique_id not in seen %}
        {% do seen.append(unique_id) %}
        {% if unique_id.startswith('source.') %}
            {% do found.append(unique_id.split('.')[-1]) %}
        {% elif unique_id in graph.nodes %}
            {% for parent in graph.nodes[unique_id].depends_on.nodes %}
                {% do collect_sources(parent, found, seen) %}
            {% endfor %}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- Selects measure_id, system and dataset for every measure file, whose name begins with the measure's id; and for the
    files of many measures, which are those that the framework lists as published or returned, and the survey's. -#}
{% macro select_measure_datasets() %}
    {%- set rows = [] -%}
    {%- for unique_id, node in (graph.nodes | default({})).items()
        if node.resource_type == 'model' and node.fqn[1] == 'measures'
        and modules.re.match('[a-z]{2}[0-9]{2}[a-z]?_', node.name) -%}
        {%- set found = [] -%}
        {%- do collect_sources(unique_id, found, []) -%}
        {%- for name in found if not name.startswith('vitals__') -%}
            {%- do rows.append((node.name.split('_')[0] | upper, name.split('__')[0], name.split('__')[1])) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for measure_id, system, dataset in rows | unique | sort %}
    select
        '{{ measure_id }}' as measure_id,
        '{{ system }}' as system,
        '{{ dataset }}' as dataset

    union all
    {% endfor %}
    select
        measure_id,
        'indicators' as system,
        'published_values' as dataset
    from {{ ref('dim_indicators') }}

    union all

    select
        measure_id,
        'plan' as system,
        'measure_values' as dataset
    from {{ ref('dim_measures') }}
    where computed_by = 'return'

    union all

    select
        measure_id,
        'survey' as system,
        'quality_of_life' as dataset
    from {{ ref('fct_survey_estimates') }}
{%- endmacro %}
