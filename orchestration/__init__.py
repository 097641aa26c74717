"""Dagster and the `vitals` command: wires sources, dbt and exports together and adds time. No reading of systems,
no SQL of measures, no formats."""

SERVED_AT = 8765  # the port of `vitals serve`, unless it is told another
