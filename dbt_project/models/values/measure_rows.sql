{{ config(materialized="view") }}

-- Every row that counts in any measure: a figure is traced by reading its measure, unit and window here.
{{ union_of_measures() }}
