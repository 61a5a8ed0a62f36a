"""How the learning rate falls in the course of a run."""

from __future__ import annotations

import math
from typing import Literal, get_args

from ..arguments import checked

Schedule = Literal["constant", "linear", "cosine"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


@checked
def factor(schedule: Schedule, progress: float) -> float:
    """The factor of the learning rate after ``progress`` in [0, 1] of the run: 1, or from 1 to 0 in a straight
    line or along half a cosine wave (Loshchilov and Hutter 2017, equation 5)."""
    if schedule == "linear":
        return 1.0 - progress
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    return 1.0
