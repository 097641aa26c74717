{#- The normal distribution, of which SQL knows nothing. -#}

{#-
  Chance that a standard normal variable is at least as far from 0 as the column `z`, on either side. Abramowitz and
  Stegun (1964), 26.2.17; wrong by less than 0.00000015.
-#}
{% macro two_sided_p(z) -%}
{%- set t = '(1 / (1 + 0.2316419 * abs(' ~ z ~ ')))' -%}
2 * 0.3989422804014327 * exp(-{{ z }} * {{ z }} / 2) * {{ t }} * (
        0.319381530 + {{ t }} * (
            -0.356563782 + {{ t }} * (1.781477937 + {{ t }} * (-1.821255978 + {{ t }} * 1.330274429))
        )
    )
{%- endmacro %}
