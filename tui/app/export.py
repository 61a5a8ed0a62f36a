"""Write a run's curve, or a picture of the screen, to a file."""

from __future__ import annotations

import csv
import io
import json
import math
import os

from lstm_ext.errors import ArgumentError
from lstm_ext.files import write_atomically
from lstm_ext.train.snapshot import Snapshot

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
    writers = {".csv": lambda: _csv(snapshot), ".json": lambda: _json(snapshot), ".svg": lambda: picture}
    write_atomically(path, writers[suffix]())


#: One value for each bucket of steps.
_CURVE = ("steps", "loss", "low", "high", "smoothed", "norm", "norm_low", "norm_high", "clipped", "rate")


def _columns(snapshot: Snapshot) -> dict[str, list[float | None]]:
    """The curve by columns, None where a value is not known or not finite."""
    columns = {name: getattr(snapshot.history, name).tolist() for name in _CURVE}
    return {name: [value if math.isfinite(value) else None for value in column] for name, column in columns.items()}


def _csv(snapshot: Snapshot) -> str:
    """One row per bucket of steps; a validation loss is in the row of its bucket."""
    columns, history = _columns(snapshot), snapshot.history
    validation: list[object] = [""] * len(history.steps)
    for step, loss in zip(history.val_steps.tolist(), history.val_loss.tolist(), strict=True):
        validation[min(int(history.steps.searchsorted(step)), len(validation) - 1)] = loss
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "val_loss"])
    writer.writerows(zip(*columns.values(), validation, strict=True))
    return out.getvalue()


def _json(snapshot: Snapshot) -> str:
    history = snapshot.history
    curve = {**_columns(snapshot), "val_steps": history.val_steps.tolist(), "val_loss": history.val_loss.tolist()}
    return json.dumps({"step": snapshot.step, "epoch": snapshot.epoch, "seconds": snapshot.seconds, **curve}) + "\n"
