"""The systems of the fictional city: which there are, and what a council's YAML needs to know to reach them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sources.sandbox import (
    areas,
    audit,
    complaints,
    deflators,
    finance,
    housing,
    hr,
    invoices,
    ombudsman,
    open_data,
    returns,
    revenues,
    risk,
    savings,
    service_requests,
    social_care,
    waste,
)
from sources.sandbox.complaints_api import ComplaintsApi
from sources.sandbox.open_data_api import OpenDataApi

GENERATORS = (
    *(hr, complaints, service_requests, ombudsman, finance, savings, invoices, revenues, risk, audit),
    *(social_care, housing, waste, returns, open_data, deflators, areas),
)
# What `serving` gives.
VARIABLES = (
    *("HR_DATABASE", "HR_PSEUDONYM_KEY", "FINANCE_FOLDER", "RISK_FOLDER", "AUDIT_FOLDER", "REVENUES_DATABASE"),
    *("SOCIAL_CARE_DATABASE", "HOUSING_FOLDER", "WASTE_FOLDER", "RETURNS_FOLDER", "AREAS_FOLDER", "DEFLATORS_FOLDER"),
    *("COMPLAINTS_URL", "COMPLAINTS_CLIENT_ID", "COMPLAINTS_CLIENT_SECRET", "OPEN_DATA_URL"),
)


@contextmanager
def serving(data: Path) -> Iterator[dict[str, str]]:
    """The systems over the folder `data`, on free ports of loopback; yields the environment."""
    with ExitStack() as stack:
        cases = ComplaintsApi.load(data)
        yield {
            "HR_DATABASE": str(data / hr.DATABASE),
            "HR_PSEUDONYM_KEY": "made-up-city-and-no-secret-at-all",
            "FINANCE_FOLDER": str(data / finance.FOLDER),
            "RISK_FOLDER": str(data / risk.FOLDER),
            "AUDIT_FOLDER": str(data / audit.FOLDER),
            "REVENUES_DATABASE": str(data / revenues.DATABASE),
            "SOCIAL_CARE_DATABASE": str(data / social_care.DATABASE),
            "HOUSING_FOLDER": str(data / housing.FOLDER),
            "WASTE_FOLDER": str(data / waste.FOLDER),
            "RETURNS_FOLDER": str(data / returns.FOLDER),
            "AREAS_FOLDER": str(data / areas.FOLDER),
            "DEFLATORS_FOLDER": str(data / deflators.FOLDER),
            "COMPLAINTS_URL": stack.enter_context(cases.serve()),
            "COMPLAINTS_CLIENT_ID": cases.client_id,
            "COMPLAINTS_CLIENT_SECRET": cases.client_secret,
            "OPEN_DATA_URL": stack.enter_context(OpenDataApi.load(data / open_data.FOLDER).serve()),
        }
