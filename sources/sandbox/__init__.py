"""The bundled council's source systems: data of a fictional city, served for real on loopback.

Depends on nothing but the standard library, numpy, pyarrow, XlsxWriter, orjson and `sources.periods`; knows no
contract and no connector, as a source system wouldn't.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sources.sandbox.store import ensure

__all__ = ["ensure", "running"]


@contextmanager
def running(folder: Path, seed: int, scale: float = 1.0) -> Iterator[dict[str, str]]:
    """Source systems up and running, with data kept in `folder`; yields the environment that a council's YAML names.

    `scale` (0 to 1) makes a smaller city for quick tests. Servers listen on loopback, on ports that are free, and
    stop on leaving.
    """
    from sources.sandbox import audit, finance, hr, open_data, risk
    from sources.sandbox.complaints_api import ComplaintsApi
    from sources.sandbox.open_data_api import OpenDataApi

    data = ensure(folder.absolute(), seed, scale)
    with ExitStack() as stack:
        complaints = ComplaintsApi.load(data)
        yield {
            "HR_DATABASE": str(data / hr.DATABASE),
            "FINANCE_FOLDER": str(data / finance.FOLDER),
            "RISK_FOLDER": str(data / risk.FOLDER),
            "AUDIT_FOLDER": str(data / audit.FOLDER),
            "COMPLAINTS_URL": stack.enter_context(complaints.serve()),
            "COMPLAINTS_CLIENT_ID": complaints.client_id,
            "COMPLAINTS_CLIENT_SECRET": complaints.client_secret,
            "OPEN_DATA_URL": stack.enter_context(OpenDataApi.load(data / open_data.FOLDER).serve()),
        }
