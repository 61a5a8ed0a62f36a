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
