{#- How models become tables and views.

    A build writes a database of its own that nobody sees until all of it has passed. So a model is created under its own
    name: dbt's own way, under another name that is then exchanged, protects readers who are not there, and took a fifth
    of the time of a build. -#}

{% materialization table, adapter='duckdb' %}
    {{ return(create_in_place(this.incorporate(type='table'))) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(create_in_place(this.incorporate(type='view'))) }}
{% endmaterialization %}

{#- Create the model's relation, in one transaction with the removal of what an earlier build of the same file left. -#}
{% macro create_in_place(relation) %}
    {% set former = load_cached_relation(this) %}
    {{ run_hooks(pre_hooks) }}
    {% if former is not none %}
        {% do adapter.drop_relation(former) %}
    {% endif %}
    {% call statement('main') %}
        {{ create_table_as(false, relation, sql) if relation.is_table else create_view_as(relation, sql) }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [relation]}) }}
{% endmacro %}
