"""What every test shares. Helpers that build things stand in tests/support, fixtures beside the tests that use them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.browser import CHROMIUM, Browser

from sources import secrets

# No deadline: a slow machine is no defect. The same examples each time: a red build can be run again and looked at.
settings.register_profile("vitals", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("vitals")


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> Iterator[None]:
    """What one test calls a secret must not be scrubbed from what another one reads."""
    yield
    secrets.forget()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of a session."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine to open pages in")
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()
