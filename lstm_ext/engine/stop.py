"""A flag that one thread sets to end a long call in another."""

from __future__ import annotations

import numpy as np


class StopFlag:
    """Polled between training steps, by the C core straight from memory, with the GIL released."""

    def __init__(self) -> None:
        #: (1,) int32, nonzero once set; its address is what the C core reads.
        self.array = np.zeros(1, dtype=np.int32)

    def set(self) -> None:
        """Ask for the end."""
        self.array[0] = 1

    def clear(self) -> None:
        """Take it back."""
        self.array[0] = 0

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return bool(self.array[0])
