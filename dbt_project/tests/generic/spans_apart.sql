{# Spans of days of the same `keys` do not overlap; a span without a last day has no end. Returns spans that begin
   before another one has ended. #}
{% test spans_apart(model, keys, first_day, last_day) %}
select later.*
from {{ model }} as later
inner join {{ model }} as earlier
    on
        earlier.{{ first_day }} < later.{{ first_day }}
        and (earlier.{{ last_day }} is null or earlier.{{ last_day }} >= later.{{ first_day }})
        {% for key in keys -%}
        and earlier.{{ key }} = later.{{ key }}
        {% endfor %}
{% endtest %}
