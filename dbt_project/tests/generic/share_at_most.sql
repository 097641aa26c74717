{# Of all rows at most the share `maximum` (0 to 1) meets `condition`. Returns both counts when there are more. #}
{% test share_at_most(model, condition, maximum) %}
select
    count(case when {{ condition }} then 1 end) as met,
    count(*) as row_count
from {{ model }}
having count(case when {{ condition }} then 1 end) > {{ maximum }} * count(*)
{% endtest %}
