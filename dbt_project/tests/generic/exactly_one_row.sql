{# One row, and only one, meets `condition`. Returns the count when it is another. #}
{% test exactly_one_row(model, condition) %}
select count(*) as row_count
from {{ model }}
where {{ condition }}
having count(*) <> 1
{% endtest %}
