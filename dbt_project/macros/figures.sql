{#- How a figure is calculated and rounded. -#}

{#- Rounds halves away from zero, at a precision that differs from row to row: engines want a constant scale. -#}
{% macro round_to(number, decimal_places) %}
case {{ decimal_places }}
{%- for places in range(5) %}
        when {{ places }} then cast(round({{ number }}, {{ places }}) as decimal(18, 4))
{%- endfor %}
    end
{%- endmacro %}

{#-
  The published figure: multiplier × numerator ÷ denominator at the measure's precision. Without a denominator the
  numerator is the figure; over nothing there is none. Passing through ten decimal places takes away what binary
  division adds in the last bits, so that 1.15 rounds to 1.2 everywhere.
-#}
{% macro measure_value(numerator, denominator, multiplier, decimal_places) %}
case
        when {{ denominator }} is null then {{ round_to('cast(' ~ numerator ~ ' as decimal(28, 10))', decimal_places) }}
        when {{ denominator }} <> 0 then {{ round_to(
            'cast(cast(' ~ multiplier ~ ' as double) * cast(' ~ numerator ~ ' as double) / cast('
            ~ denominator ~ ' as double) as decimal(28, 10))', decimal_places
        ) }}
    end
{%- endmacro %}
