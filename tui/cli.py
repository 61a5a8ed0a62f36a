"""The command line: ``lstm-lab COMMAND …``."""

from __future__ import annotations


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    return 0
