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

{#-
  The lower or upper limit of a figure's 95 % interval: Wilson's for a share of cases, Byar's for cases among residents.
  Both hold for small numbers, for none and for all. Public Health England, Technical Guide: Confidence Intervals (2018).
-#}
{% macro interval_limit(side, method, numerator, denominator, multiplier) %}
{%- set z = '1.959964' -%}
{%- set sign = '-' if side == 'lower' else '+' -%}
{%- set x = 'cast(' ~ numerator ~ ' as double)' -%}
{%- set n = 'cast(' ~ denominator ~ ' as double)' -%}
{#- Byar's upper limit is that of one case more. -#}
{%- set cases = x if side == 'lower' else '(' ~ x ~ ' + 1)' -%}
{%- set root = '(1 - 1 / (9 * ' ~ cases ~ ') ' ~ sign ~ ' ' ~ z ~ ' / (3 * sqrt(' ~ cases ~ ')))' -%}
case
            when {{ method }} = 'wilson' and {{ numerator }} between 0 and {{ denominator }} and {{ denominator }} > 0
                then cast({{ multiplier }} * (
                    2 * {{ x }} + {{ z }} * {{ z }}
                    {{ sign }} {{ z }} * sqrt({{ z }} * {{ z }} + 4 * {{ x }} * (1 - {{ x }} / {{ n }}))
                ) / (2 * ({{ n }} + {{ z }} * {{ z }})) as decimal(28, 10))
            {%- if side == 'lower' %}
            when {{ method }} = 'byar' and {{ numerator }} = 0 and {{ denominator }} > 0 then 0
            {%- endif %}
            when {{ method }} = 'byar' and {{ numerator }} >= 0 and {{ denominator }} > 0
                then cast(
                    {{ multiplier }} * {{ cases }} * {{ root }} * {{ root }} * {{ root }} / {{ n }} as decimal(28, 10)
                )
        end
{%- endmacro %}
