"""Numbers and lists as text, for tables and sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """The median, minimum and maximum of one number over the seeds."""

    median: float
    low: float
    high: float

    def text(self, spec: str = ".3f") -> str:
        """The median, and in brackets minimum and maximum where they differ: 0.92 (0.85–0.99)."""
        median, low, high = (number(value, spec) for value in self)
        return median if low == high else f"{median} ({low}–{high})"


def number(value: float, spec: str = ".3f") -> str:
    """A number as text: "–" for NaN, "never" for infinity (what was not reached)."""
    if math.isnan(value):
        return "–"
    return "never" if math.isinf(value) else format(value, spec)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: a, b and c; "none" if there are none."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def times(ratio: float) -> str:
    """A ratio as text: 1.8 times, 3e+05 times."""
    return f"{ratio:.2g} times" if ratio < 100 else f"{ratio:.0e} times"
