"""A learner's LSTM, GRU or RNN beside the lab's: the first number that differs, and what follows from it.

The learner's class runs in the sandbox, on random weights and states, and every number that it computes is recorded
(``run``, ``recorder``). What these numbers say is found out in ``follow``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ext.errors import ArgumentError, DataError

from ..grading.recording import Crash
from ..grading.student import StudentError
from ..sandbox.runner import SandboxRunner
from .comparison import Comparison
from .equations import Given
from .follow import Follower
from .start import KINDS, known, random_start
from .trace import Trace
from .unusable import Unusable, explained

#: Longer texts make more numbers than anybody wants to look at.
MAX_TEXT = 60


def compare(
    file: str | Path,
    text: str = "hello",
    *,
    cell: str = "",
    hidden_size: int | None = None,
    seed: int = 0,
    seconds: float = 10.0,
) -> Comparison:
    """Follows the class in ``file`` (a path, or the source itself if it has line breaks) through ``text``.

    ``cell`` is "lstm", "gru", "rnn" or "", any that the file has. ``hidden_size`` must differ from the number of
    different characters, so that shapes tell arrays apart; by default it is 3 or 4. Weights, and states before the
    first character, are random, from ``seed``, and not those that the class would start with. What is wrong with the
    file itself is in the result's ``problem``. Raises ArgumentError for a text that cannot be used, DataError for a
    file that cannot be read.
    """
    if not 2 <= len(text) <= MAX_TEXT:
        raise ArgumentError(f"text: got {len(text)} characters, expected 2 to {MAX_TEXT}")
    if cell not in ("", *KINDS):
        raise ArgumentError(f"cell: got {cell!r}, expected one of {', '.join(KINDS)}")
    if isinstance(file, str) and "\n" in file:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "source.py"
            path.write_text(file, encoding="utf-8")
            return compare(path, text, cell=cell, hidden_size=hidden_size, seed=seed, seconds=seconds)
    symbols = sorted(set(text))
    codes = [symbols.index(letter) for letter in text]
    if hidden_size is None:
        hidden_size = 4 if len(symbols) == 3 else 3
    elif hidden_size == len(symbols):
        raise ArgumentError(
            f"hidden_size: got {hidden_size}, as many as the text has different characters; expected another number, "
            "so that shapes tell arrays apart"
        )
    with SandboxRunner(Path(file)) as runner:
        if isinstance(runner.source, Crash):
            if runner.source.kind == "missing":
                raise DataError(f"{file}: {runner.source.message}")
            return _unfollowed(str(file), "", explained(runner.source))
        starts = {kind: random_start(kind, codes, len(symbols), hidden_size, seed) for kind in KINDS}
        request = {
            "source": runner.source,
            "path": str(runner.file),
            "cell": cell,
            "sizes": (len(symbols), hidden_size),
            "inputs": codes[:-1],
            "targets": codes[1:],
            "weights": {kind: dict(start.weights) for kind, start in starts.items()},
            "h": starts["lstm"].h,
            "c": starts["lstm"].c,
            "x_first": True,
            "known": {kind: known(kind, start) for kind, start in starts.items()},
        }
        found = _followed(file, text, runner, request, starts, seconds)
        if found.x_first and any(d.quantity == "dh_prev" for d in (found.first, *found.others) if d is not None):
            # Forward is right with columns [x, h], but backward takes dh from the columns of the other order.
            found = _followed(file, text, runner, {**request, "x_first": False}, starts, seconds)
        return found


def _followed(
    file: str | Path,
    text: str,
    runner: SandboxRunner,
    request: dict[str, Any],
    starts: dict[str, Given],
    seconds: float,
) -> Comparison:
    path, source = str(file), request["source"]
    try:
        tables = runner.request("debugger.run:observe", [request], seconds)
    except StudentError as error:
        return _unfollowed(path, source, explained(error.crash))
    if "placed" not in tables or "events" not in tables:
        return _unfollowed(path, source, Unusable(tables["problem"], tables["line"]), tables["notes"])
    trace = Trace(tables, len(text) - 1, request["sizes"])
    with np.errstate(all="ignore"):  # a file may compute with infinities
        tables["path"], start = path, starts[tables["cell"]]
        found = Follower(source, text, tables, trace, start).follow()
        if found.first is None or found.cell != "gru":
            return found
        # A GRU that is in another convention forward, but not backward, more likely has a mistake forward.
        course = Follower(source, text, tables, trace, start, course_only=True).follow()
        return course if len(course.others) < len(found.others) else found


def _unfollowed(path: str, source: str, why: Unusable, notes: Sequence[str] = ()) -> Comparison:
    return Comparison(path, source, str(why), why.line, tuple(notes))
