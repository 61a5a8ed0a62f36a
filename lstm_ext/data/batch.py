"""What networks learn from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """What networks learn from: B sequences of up to T steps. Any tuple (inputs, lengths, targets) works as one."""

    #: (T, B) symbols or (T, B, D) numbers
    inputs: np.ndarray
    #: (B,) how many steps of each sequence count; None: all
    lengths: np.ndarray | None
    #: What the network has to answer; each network's docstring gives the shape.
    targets: np.ndarray

    def __repr__(self) -> str:
        arrays = {name: np.asarray(value) for name, value in self._asdict().items() if value is not None}
        return f"<Batch: {', '.join(f'{name} {array.dtype} {array.shape}' for name, array in arrays.items())}>"
