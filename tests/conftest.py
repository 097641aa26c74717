"""What every test shares. Helpers that build things stand in tests/support, fixtures beside the tests that use them."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a slow machine is no defect. The same examples each time: a red build can be run again and looked at.
settings.register_profile("vitals", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("vitals")
