"""What ends a command with one clear line instead of a result."""

from __future__ import annotations


class CommandError(Exception):
    """Says what was wrong, what was expected and what to do; ``code`` is the exit status."""

    code = 1


class UsageError(CommandError):
    """The command line itself is wrong."""

    code = 2
