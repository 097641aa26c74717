-- Joined level by level, because not every engine has recursive queries; a council's tree has five levels at most.
{% set levels = 5 %}
with generation_0 as (
    select
        unit_id,
        unit_id as ancestor_unit_id,
        parent_unit_id as next_unit_id
    from {{ ref('dim_units') }}
)
{%- for depth in range(1, levels + 1) %},

generation_{{ depth }} as (
    select
        younger.unit_id,
        parents.unit_id as ancestor_unit_id,
        parents.parent_unit_id as next_unit_id
    from generation_{{ depth - 1 }} as younger
    inner join {{ ref('dim_units') }} as parents on parents.unit_id = younger.next_unit_id
)
{%- endfor %},

generations as (
    {%- for depth in range(0, levels + 1) %}
    select
        unit_id,
        ancestor_unit_id,
        {{ depth }} as depth
    from generation_{{ depth }}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
)

select
    unit_id,
    ancestor_unit_id,
    depth
from generations
order by unit_id, depth
