{#- Words that published tables use for periods. -#}

{#- Number of the month whose English name, short or long, begins `text`. -#}
{% macro month_number(text) %}
case substring({{ text }}, 1, 3)
{%- for name in ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] %}
        when '{{ name }}' then {{ loop.index }}
{%- endfor %}
    end
{%- endmacro %}

{#- First day of financial quarter `quarter` (1 = April to June) of the financial year that begins in `year`. -#}
{% macro financial_quarter_start(year, quarter) -%}
{{ months_after('make_date(' ~ year ~ ', 4, 1)', '3 * (' ~ quarter ~ ' - 1)') }}
{%- endmacro %}
