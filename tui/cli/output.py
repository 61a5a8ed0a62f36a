"""How commands write lines for people; JSON, in which everything beyond ASCII is escaped, needs no care."""

from __future__ import annotations

import sys
from typing import TextIO

from ..text.visible import visible


def show(line: str, stream: TextIO | None = None) -> None:
    """Write one line to ``stream`` (None: standard output). Whatever foreign names it holds, it stays one line."""
    print(visible(line), file=stream or sys.stdout, flush=True)


def note(line: str) -> None:
    """Write one line to standard error, with the program's name in front."""
    show(f"lstm-lab: {line}", sys.stderr)
