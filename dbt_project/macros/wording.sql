{#- Numbers and days as sentences have them. -#}

{#- A figure at its measure's precision, with a true minus sign: 85.1 for a measure with one decimal place. -#}
{% macro number_text(number, decimal_places) %}
case {{ decimal_places }}
{%- for places in range(5) %}
{%- set rounded = 'cast(' ~ number ~ ' as decimal(18, ' ~ places ~ '))' %}
        when {{ places }} then case when {{ rounded }} < 0 then '−' else '' end || cast(abs({{ rounded }}) as string)
{%- endfor %}
    end
{%- endmacro %}

{#- The month of a day: Mar 2027. -#}
{% macro month_text(day) %}
case extract(month from {{ day }})
{%- for name in ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] %}
        when {{ loop.index }} then '{{ name }} '
{%- endfor %}
    end || cast(extract(year from {{ day }}) as string)
{%- endmacro %}
