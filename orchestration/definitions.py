"""What Dagster loads: `defs`, for the council that VITALS_COUNCIL names."""

from orchestration.settings import settings
from orchestration.wiring import definitions

defs = definitions(settings())
