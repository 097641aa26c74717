"""The one exception that publishing raises for a cause people can mend.
Messages name the place and the remedy; nothing else belongs here."""

from __future__ import annotations


class ExportError(RuntimeError):
    """Nothing was published. The message says where the fault lies and what to do about it."""
