{#- What SQL engines spell differently, and nothing else. `default__` is Apache Spark's spelling. -#}

{#- The day `months` months after `day` (before, when negative). -#}
{% macro months_after(day, months) %}{{ adapter.dispatch('months_after', 'council_vitals')(day, months) }}{% endmacro %}
{% macro default__months_after(day, months) %}add_months({{ day }}, {{ months }}){% endmacro %}
{% macro duckdb__months_after(day, months) %}cast({{ day }} + interval ({{ months }}) month as date){% endmacro %}

{#- The day `days` days after `day` (before, when negative). -#}
{% macro days_after(day, days) %}{{ adapter.dispatch('days_after', 'council_vitals')(day, days) }}{% endmacro %}
{% macro default__days_after(day, days) %}date_add({{ day }}, {{ days }}){% endmacro %}
{% macro duckdb__days_after(day, days) %}cast({{ day }} + ({{ days }}) as date){% endmacro %}

{#- First day of the month in which `day` falls. -#}
{% macro month_start(day) %}{{ adapter.dispatch('month_start', 'council_vitals')(day) }}{% endmacro %}
{% macro default__month_start(day) %}trunc({{ day }}, 'MM'){% endmacro %}
{% macro duckdb__month_start(day) %}cast(date_trunc('month', {{ day }}) as date){% endmacro %}

{#- Whether `text` contains the regular expression; write [0-9], engines differ about backslashes. -#}
{% macro matches(text, pattern) %}{{ adapter.dispatch('matches', 'council_vitals')(text, pattern) }}{% endmacro %}
{% macro default__matches(text, pattern) %}{{ text }} rlike '{{ pattern }}'{% endmacro %}
{% macro duckdb__matches(text, pattern) %}regexp_matches({{ text }}, '{{ pattern }}'){% endmacro %}

{#- Whole days from `earlier` to `later`. -#}
{% macro days_between(earlier, later) %}{{ adapter.dispatch('days_between', 'council_vitals')(earlier, later) }}{% endmacro %}
{% macro default__days_between(earlier, later) %}datediff({{ later }}, {{ earlier }}){% endmacro %}
{% macro duckdb__days_between(earlier, later) %}({{ later }} - {{ earlier }}){% endmacro %}

{#- The different values of a group in one text, in order, a comma between them. -#}
{% macro all_of(column) %}{{ adapter.dispatch('all_of', 'council_vitals')(column) }}{% endmacro %}
{% macro default__all_of(column) %}array_join(array_sort(collect_set({{ column }})), ', '){% endmacro %}
{% macro duckdb__all_of(column) %}string_agg(distinct {{ column }}, ', ' order by {{ column }}){% endmacro %}

{#- A number at `places` decimal places as text, its thousands set off by commas. -#}
{% macro with_thousands(number, places) %}{{ adapter.dispatch('with_thousands', 'council_vitals')(number, places) }}{% endmacro %}
{% macro default__with_thousands(number, places) %}format_number({{ number }}, {{ places }}){% endmacro %}
{% macro duckdb__with_thousands(number, places) %}format('{:,.{{ places }}f}', cast({{ number }} as double)){% endmacro %}
