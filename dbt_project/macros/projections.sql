{#- What a straight line may say: a share (`is_share`, of the row) stays between 0 and 100 %, wherever the line leads. -#}
{% macro kept_in_range(number) %}case when is_share then greatest(0, least(100, {{ number }})) else {{ number }} end{% endmacro %}
