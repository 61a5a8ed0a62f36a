"""Which runs come first, and which are shown at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from .known import Run

#: Each order's name, and what it sorts by; what is gone or damaged comes last.
ORDERS: dict[str, Callable[[Run], Any]] = {
    "when": lambda run: -run.modified,
    "loss": lambda run: math.inf if math.isnan(run.loss) else run.loss,
    "name": lambda run: run.name.casefold(),
    "text": lambda run: (run.text.casefold(), run.loss if run.loss == run.loss else math.inf),
    "size": lambda run: -run.header.config.num_parameters if run.header else 0,
    "steps": lambda run: -run.step,
}


def arranged(runs: Iterable[Run], order: str = "when", words: str = "") -> list[Run]:
    """The runs whose name, text, network or path has all of the ``words``, in this ``order``, each followed by its
    earlier ones."""
    wanted = words.casefold().split()

    def matches(run: Run) -> bool:
        said = f"{run.name} {run.text} {run.network} {run.path} {run.kind}".casefold()
        return all(word in said for word in wanted)

    found = [run for run in runs if matches(run) or any(map(matches, run.earlier))]
    found.sort(key=lambda run: (run.header is None, ORDERS[order](run), run.path))
    return [each for run in found for each in (run, *run.earlier)]
