"""What ends a command with one clear line instead of a result, beside the library's own errors."""

from __future__ import annotations

from lstm_ext.errors import LabError


class UsageError(LabError):
    """The command line itself is wrong: says what was given, and what was expected."""
