"""Which steps of a growing curve are shown: all of them, the last ones, or some that stand still."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .plot import horizontal_end

#: The fewest steps that are shown.
MIN_SPAN = 20.0
#: No run has more steps.
LONGEST_RUN = 2.0**53
#: The last steps move on by this share of their number at a time, so that few cells have to be sent again.
_STRIDE = 1 / 8


@dataclass(frozen=True)
class Window:
    """``span`` steps (None: all) from ``start`` on (None: the last ones, however many are still to come)."""

    span: float | None = None
    start: float | None = None

    def ends(self, last: float) -> tuple[float, float]:
        """The first and the last step shown of a curve that has reached the step ``last``."""
        if self.span is None:
            return 0.0, horizontal_end(last)
        if self.start is not None:
            return self.start, self.start + self.span
        stride = self.span * _STRIDE
        high = max(self.span, math.ceil(last / stride) * stride)
        return high - self.span, high

    def zoomed(self, factor: float, last: float, at: float | None = None) -> Window:
        """``factor`` times as many steps, in which the step ``at`` stays in its place; None: the last steps, or those
        around the middle."""
        low, high = self.ends(last)
        span = max(MIN_SPAN, (high - low) * factor)
        if span >= horizontal_end(last):
            return Window()
        if at is None:
            if self.start is None:
                return Window(span)
            at = (low + high) / 2
        return self._from(at - (at - low) / (high - low) * span, span, last)

    def moved(self, share: float, last: float) -> Window:
        """The steps earlier (below 0) or later, by a share of their number."""
        if self.span is None:
            return self
        low, _ = self.ends(last)
        return self._from(low + share * self.span, self.span, last)

    @staticmethod
    def _from(start: float, span: float, last: float) -> Window:
        """From ``start`` on; where that reaches the last step, the last steps."""
        return Window(span) if start + span >= last else Window(span, max(0.0, start))
