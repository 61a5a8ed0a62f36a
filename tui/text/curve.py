"""A loss curve as text: as a file of numbers, and in a few characters."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping

import numpy as np

from lstm_ext.train.history import HistoryView
from lstm_ext.visualization.drawing import quantize

#: One value for each bucket of steps.
_COLUMNS = ("steps", "loss", "low", "high", "smoothed", "norm", "norm_low", "norm_high", "clipped", "rate")


def as_csv(history: HistoryView) -> str:
    """One row per bucket of steps; a validation loss is in the row of its bucket. Losses in nats per character."""
    columns, validation = _columns(history), dict[int, float]()
    for step, loss in zip(history.val_steps.tolist(), history.val_loss.tolist(), strict=True):
        validation[min(int(history.steps.searchsorted(step)), len(history.steps) - 1)] = loss
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "val_loss"])
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        writer.writerow([*row, validation.get(number, "")])
    return out.getvalue()


def as_json(history: HistoryView, about: Mapping[str, object]) -> str:
    """One object: what ``about`` says, and the curve's columns."""
    curve = {**_columns(history), "val_steps": _known(history.val_steps), "val_loss": _known(history.val_loss)}
    return json.dumps({**about, **curve}) + "\n"


def _columns(history: HistoryView) -> dict[str, list[float | None]]:
    return {name: _known(getattr(history, name)) for name in _COLUMNS}


def _known(values: np.ndarray) -> list[float | None]:
    """None where a value is not known or not finite."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def sparkline(values: np.ndarray, *, ascii_only: bool = False) -> str:
    """A character for each of the values (n,), as high as the value is among them."""
    glyphs = "_.-~'" if ascii_only else "▁▂▃▄▅▆▇█"
    if not len(values):
        return ""
    values = np.nan_to_num(values, nan=0.0, posinf=1e30, neginf=-1e30)
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return glyphs[0] * len(values)
    return "".join(glyphs[level] for level in quantize(values, low, high, len(glyphs)).tolist())
