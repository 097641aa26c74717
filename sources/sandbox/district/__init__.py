"""The systems of the fictional district: which there are, and what a council's YAML needs to know to reach them.

None is of the city's kind: payroll files fetched over SFTP, casework behind numbered pages and a key, accounts in
PostgreSQL, registers as OpenDocument, and CSV that people keep or have downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sources.sandbox.district import accounts, casework, open_data, outbox, people, postgres, registers, returns
from sources.sandbox.district.casework_api import CaseworkApi

GENERATORS = (people, casework, accounts, registers, returns, open_data)
# What `serving` gives.
VARIABLES = (
    *("HR_SFTP_HOST", "HR_SFTP_HOST_KEY", "HR_SFTP_KEY_FILE", "HR_PSEUDONYM_KEY", "CASEWORK_URL", "CASEWORK_KEY"),
    *("FINANCE_DB_SOCKET", "FINANCE_DB_PASSWORD", "REGISTERS_FOLDER", "RETURNS_FOLDER", "OPEN_DATA_FOLDER"),
)


@contextmanager
def serving(data: Path) -> Iterator[dict[str, str]]:
    """The systems over the folder `data`, on free ports of loopback and a socket; yields the environment."""
    api = CaseworkApi.load(data)
    with (
        outbox.serving(data / people.FOLDER) as payroll,
        postgres.serving(data) as accounting,
        api.serve() as casework_url,
    ):
        yield {
            "HR_SFTP_HOST": payroll.host,
            "HR_SFTP_HOST_KEY": payroll.host_key,
            "HR_SFTP_KEY_FILE": str(payroll.key_file),
            # One key for as long as the data are kept: a pseudonym that changed would be another person.
            "HR_PSEUDONYM_KEY": hashlib.sha256(data.name.partition("-")[2].encode()).hexdigest(),
            "CASEWORK_URL": casework_url,
            "CASEWORK_KEY": api.key,
            "FINANCE_DB_SOCKET": accounting.socket,
            "FINANCE_DB_PASSWORD": accounting.password,
            "REGISTERS_FOLDER": str(data / registers.FOLDER),
            "RETURNS_FOLDER": str(data / returns.FOLDER),
            "OPEN_DATA_FOLDER": str(data / open_data.FOLDER),
        }
