"""Write a run's curve, or a picture of the screen, to a file."""

from __future__ import annotations

import os

from lstm_ext.errors import ArgumentError
from lstm_ext.files import write_atomically
from lstm_ext.train.snapshot import Snapshot

from ..text.curve import as_csv, as_json

SUFFIXES = (".csv", ".json", ".svg")


def file_name(text: str, cell: str, hidden_size: int, suffix: str) -> str:
    """What a file about a run is called unless the user has a better name."""
    stem = os.path.splitext(os.path.basename(text))[0] or "text"
    return f"{stem}-{cell}-{hidden_size}{suffix}"


def export_path(path: str) -> str:
    """``path``, if its suffix says what to write. Raises ArgumentError."""
    suffix = os.path.splitext(path)[1]
    if suffix.lower() not in SUFFIXES:
        raise ArgumentError(f"path: got {suffix or 'no suffix'}, expected one of {', '.join(SUFFIXES)}")
    return path


def export(path: str, *, snapshot: Snapshot, picture: str) -> None:
    """Writes the loss curve as ``.csv`` or ``.json``, or ``picture`` as ``.svg``, as the suffix says.

    Raises ArgumentError for another suffix, OSError if it cannot be written.
    """
    suffix = os.path.splitext(export_path(path))[1].lower()
    about = {"step": snapshot.step, "epoch": snapshot.epoch, "seconds": snapshot.seconds}
    writers = {
        ".csv": lambda: as_csv(snapshot.history),
        ".json": lambda: as_json(snapshot.history, about),
        ".svg": lambda: picture,
    }
    write_atomically(path, writers[suffix]())
