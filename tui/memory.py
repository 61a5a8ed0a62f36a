"""Does a network fit into this machine's memory? Asked before anything of its size is allocated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil

from lstm_ext.engine.config import BLOCKS

#: Parameters, gradient, two optimizer moments, the core's packed panels, all but the gradient and
#: the panels once more for the moving average, the best weights, and a checkpoint on its way to disk.
PARAMETER_COPIES = 12


def bytes_needed(
    cell: str,
    vocabulary_size: int,
    hidden_size: int,
    num_layers: int,
    dtype: str,
    *,
    batch_size: int = 1,
    seq_length: int = 1,
) -> int:
    """About how many bytes training takes: every copy of the parameters, and T steps of activations."""
    blocks = len(BLOCKS[cell])
    inputs = vocabulary_size + (num_layers - 1) * hidden_size
    parameters = blocks * hidden_size * (num_layers * (hidden_size + 1) + inputs) + vocabulary_size * (hidden_size + 1)
    # Gates and their gradients, h, c and tanh(c) of each layer; logits and their gradient.
    activations = seq_length * batch_size * (num_layers * hidden_size * (2 * blocks + 4) + 2 * vocabulary_size)
    return (PARAMETER_COPIES * parameters + activations) * np.dtype(dtype).itemsize


def bytes_available() -> int:
    """What this process may still take."""
    available: int = psutil.virtual_memory().available
    try:  # a container's own limit, which psutil does not know
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        return min(available, limit - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        return available
