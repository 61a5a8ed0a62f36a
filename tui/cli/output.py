"""How commands write lines for people; JSON, in which everything beyond ASCII is escaped, needs no care."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from ..text.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: The widest that prose is written.
WIDEST = 100


def show(line: str, stream: TextIO | None = None) -> None:
    """Write one line to ``stream`` (None: standard output). Whatever foreign names it holds, it stays one line."""
    print(visible(line), file=stream or sys.stdout, flush=True)


def note(line: str) -> None:
    """Write one line to standard error, with the program's name in front."""
    show(f"lstm-lab: {line}", sys.stderr)


def console() -> Console:
    """Standard output as rich sees it: colours as far as the terminal has them, and NO_COLOR is respected."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def on_terminal() -> bool:
    """Whether standard output is a terminal that knows more than to write on."""
    output = console()
    return output.is_terminal and not output.is_dumb_terminal


def in_colour() -> bool:
    """Whether standard output shows colours."""
    output = console()
    return output.color_system is not None and not output.no_color


def columns() -> int:
    """How wide prose is written there."""
    return max(20, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))  # rich takes 80 for a dumb terminal


def clear() -> None:
    """Empty the terminal's screen."""
    console().clear()


def print_lines(lines: Iterable[Text]) -> None:
    """Write styled lines: in colour where possible, and in ASCII where the encoding has no more."""
    from rich.text import Text

    from ..text.ascii import to_ascii

    output, coloured = console(), in_colour()
    unicode = output.encoding.startswith("utf")
    for line in lines:
        if coloured and unicode:
            pieces = [(visible(segment.text), segment.style or "") for segment in line.render(output, end="")]
            output.print(Text.assemble(*pieces))
        else:
            show((line.plain if unicode else to_ascii(line.plain)).rstrip())
