"""Stands in for dbt's `graph` while sqlfluff renders a model: without dbt there are no nodes."""

from typing import Any

nodes: dict[str, Any] = {}
