"""The error that ends a command with one clear line, besides the library's own."""

from __future__ import annotations

from lstm_ext.errors import LabError


class UsageError(LabError):
    """The command line itself is wrong; the message says what was given and what was expected."""
