"""Pictures by Matplotlib, which comes with the extra ``plots``; without pyplot and its global state."""

from __future__ import annotations

import io
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError, MissingError
from ..files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raises, before any work is done, ``ArgumentError`` for a suffix that no picture has, and ``MissingError``
    where Matplotlib is not installed."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ArgumentError(f"path: got {os.fspath(path)!r}, expected a name that ends in {', '.join(SUFFIXES)}")
    new_figure(1, 1)


def has_matplotlib() -> bool:
    """Whether there can be pictures."""
    return find_spec("matplotlib") is not None


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, ``width`` × ``height`` inches. Raises ``MissingError`` where Matplotlib is not installed."""
    if not has_matplotlib():
        raise MissingError(
            "pictures need Matplotlib, which is not installed: pip install 'lstm-lab[plots]'; "
            "plots in the terminal work without it"
        )
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def picture_bytes(figure: Figure, suffix: str) -> bytes:
    """The figure as a file of that kind, one of ``SUFFIXES``. The same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    # Without a date and with fixed identifiers, the file changes only when the numbers do.
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    with matplotlib.rc_context({"svg.hashsalt": "lstm-lab", "svg.fonttype": "none"}):
        figure.savefig(buffer, format=suffix[1:], dpi=160, metadata=metadata)
    return buffer.getvalue()


def save_picture(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes the figure, whole or not at all, in the format that the suffix names."""
    write_atomically(path, picture_bytes(figure, Path(path).suffix.lower()))
