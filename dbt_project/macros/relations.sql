{#- Where a model lives and how others name it. -#}

{#- A model's schema is the one it asks for, without a prefix: readers of the finished file look for `core` and `marts`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}

{#- Names without the database: the file is renamed once it has passed, and a view that named `build` would break. -#}
{% macro ref() %}
    {% do return(builtins.ref(*varargs, **kwargs).include(database=false)) %}
{% endmacro %}

{% macro source() %}
    {% do return(builtins.source(*varargs).include(database=false)) %}
{% endmacro %}
