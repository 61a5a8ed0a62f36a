"""Surgery as plain text: what was done, before and after, and which units matter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.surgery import Condition, Edit
from lstm_ext.visualization.drawing import draw_bar

from .visible import visible


@dataclass(frozen=True)
class Worth:
    """What each unit of a layer is worth: how much the loss rises, in nats, when it is held at 0."""

    #: Counted from 0.
    layer: int
    #: (units measured so far,)
    rises: Sequence[float]
    #: How many units there are.
    units: int

    @property
    def order(self) -> list[int]:
        """The units measured, the most telling one first; those of which nothing finite is left before all others."""
        rises = np.nan_to_num(np.asarray(self.rises, dtype=np.float64), nan=math.inf)
        order: list[int] = np.argsort(-rises, kind="stable").tolist()
        return order


def nats(value: float) -> str:
    """A loss: 1.5234, or that it is not finite."""
    return (
        f"{value:.4f}"
        if math.isfinite(value) and value < 1e6
        else "not finite"
        if math.isnan(value)
        else f"{value:.3g}"
    )


def change(before: float, after: float) -> str:
    """How a loss changed: +0.4889."""
    difference = after - before
    return f"{difference:+.4f}" if math.isfinite(difference) and abs(difference) < 1e6 else "not finite"


def parted(before: str, after: str) -> int:
    """How many characters two texts share at their beginning."""
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    return same


def steps(edits: Sequence[Edit], conditions: Sequence[Condition], config: ModelConfig) -> Iterator[str]:
    """A line for the whole network and one for each operation, with the loss after it. ``conditions`` has one more
    than ``edits``."""
    first = conditions[0].evaluation
    width = max([len("before"), *(len(edit.describe(config)) for edit in edits)])
    yield f"{'':<{width}}{'nats':>12}{'bits':>12}{'change':>12}"
    yield f"{'before':<{width}}{nats(first.nats):>12}{nats(first.bits_per_char):>12}"
    for edit, found in zip(edits, conditions[1:], strict=True):
        now = found.evaluation
        figures = f"{nats(now.nats):>12}{nats(now.bits_per_char):>12}{change(first.nats, now.nats):>12}"
        yield f"{edit.describe(config):<{width}}{figures}"


def samples(before: str, after: str, prime: str) -> Iterator[str]:
    """Both samples, and where they part."""
    same = parted(before, after)
    if before == after:
        yield f"both write the same {len(before)} characters"
    else:
        yield f"the samples part after {same} character{'s' * (same != 1)}"
    for title, text in (("before", before), ("after", after)):
        yield ""
        yield f"{title}:"
        for line in (prime.removeprefix("\n") + text).split("\n"):
            yield "  " + visible(line)


def ranking(worth: Worth, loss: float, *, rows: int | None = None, width: int = 80) -> Iterator[str]:
    """A line for each unit, the most telling one first, with a bar."""
    yield f"{'unit':>6}{'loss':>12}{'change':>12}"
    order = worth.order
    finite = [abs(rise) for rise in worth.rises if math.isfinite(rise)]
    largest = max(finite, default=0.0) or 1.0
    for unit in order[:rows]:
        rise = worth.rises[unit]
        bar = draw_bar(max(0.0, rise) / largest, max(8, min(40, width - 34))) if math.isfinite(rise) else ""
        yield f"{unit:>6}{nats(loss + rise):>12}{change(loss, loss + rise):>12}  {bar}".rstrip()
    if rows is not None and len(order) > rows:
        yield f"and {len(order) - rows:,} more"
    better = sum(rise < 0 for rise in worth.rises)
    if better:
        yield f"without it the loss falls, for {better:,} of {len(order):,} units"
