{# `column` adds up to the same in `to`, over the same number of rows: no join has lost or doubled a row. Returns both
   totals when they differ. #}
{% test same_total(model, column, to) %}
with totals as (
    select
        'here' as side,
        count(*) as row_count,
        coalesce(sum({{ column }}), 0) as total
    from {{ model }}

    union all

    select
        'there' as side,
        count(*) as row_count,
        coalesce(sum({{ column }}), 0) as total
    from {{ to }}
)

select
    here.row_count,
    here.total,
    there.row_count as other_row_count,
    there.total as other_total
from totals as here
inner join totals as there on here.side = 'here' and there.side = 'there'
where here.row_count <> there.row_count or here.total <> there.total
{% endtest %}
