{#- Values and names inside the sentences that models make. -#}

{#- A value with what stands on it, thousands set off and with a true minus sign: '82.5%', '£1,200.50', '−0.4'. -#}
{% macro value_text(value, value_unit, decimal_places) -%}
case when {{ value }} < 0 then '−' else '' end
    || case when {{ value_unit }} in ('gbp', 'gbp_per_head') then '£' else '' end
    || case {{ decimal_places }}
{%- for places in range(5) %}
        when {{ places }} then {{ with_thousands('round(abs(' ~ value ~ '), ' ~ places ~ ')', places) }}
{%- endfor %}
    end
    || case when {{ value_unit }} = 'percent' then '%' else '' end
{%- endmacro %}

{#- A measure's name inside a sentence: its first letter small, unless it begins an abbreviation. -#}
{% macro name_inside(name) -%}
case
        when upper(substring({{ name }}, 2, 1)) = substring({{ name }}, 2, 1) then {{ name }}
        else lower(substring({{ name }}, 1, 1)) || substring({{ name }}, 2)
    end
{%- endmacro %}

{#- The first few of a group's texts, in the order of `place`, with commas: for an aggregate query. -#}
{% macro listed(text, place, most) -%}
coalesce(max(case when {{ place }} = 1 then {{ text }} end), '')
{%- for number in range(2, most + 1) %}
        || coalesce(', ' || max(case when {{ place }} = {{ number }} then {{ text }} end), '')
{%- endfor %}
        || case when max(case when {{ text }} is not null then {{ place }} end) > {{ most }} then ' …' else '' end
{%- endmacro %}
