{#- Datasets of which an extract holds the rows that were updated in a quarter (load: incremental). -#}

{#-
  The newest version of every key: the row of the latest quarter in which it was updated. A key whose newest version says
  in the column `deleted` (the contract's deletedColumn) that it was deleted is gone.
-#}
{% macro newest_version(relation, key, deleted=none) %}
(
        select *
        from (
            select
                *,
                row_number() over (
                    partition by {{ key | join(', ') }}
                    order by _period_start desc, _extracted_at desc, _row_number desc
                ) as _version_number
            from {{ relation }}
        ) as versions
        where _version_number = 1 {%- if deleted %} and not coalesce({{ deleted }}, false){% endif %}
    )
{%- endmacro %}
