"""Pure extraction: contracts, connectors and landing. Everything that turns a council's systems into checked Parquet.

Knows nothing of Dagster, dbt or publishing; those rooms call `Source.extract` (sources.config) and `land`
(sources.landing), and nothing else crosses the door.
"""
