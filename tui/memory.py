"""Does a network fit into this machine's memory? Asked before anything of its size is allocated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.filesize import decimal

from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.run_config import DEFAULTS

from .limits import address_space

#: Parameters, gradient, two optimizer moments, the core's packed panels, all but the gradient and
#: the panels once more for the moving average, the best weights, and a checkpoint on its way to disk.
PARAMETER_COPIES = 12


def bytes_needed(config: ModelConfig, batch_size: int, seq_length: int) -> int:
    """About how many bytes training takes: every copy of the parameters, and T steps of activations."""
    # Gates and their gradients, h, c and tanh(c) of each layer; logits and their gradient.
    kept = config.num_layers * config.hidden_size * (2 * config.layer(0).blocks + 4) + 2 * config.output_size
    numbers = PARAMETER_COPIES * config.num_parameters + seq_length * batch_size * kept
    return numbers * np.dtype(config.dtype).itemsize


def bytes_available() -> int:
    """What this process may still take."""
    import psutil  # only once a network is made: the first picture does not wait for it

    available: int = psutil.virtual_memory().available
    if (limit := address_space()) is not None:
        available = max(0, min(available, limit - psutil.Process().memory_info().vms))
    try:  # a container's own limit, which psutil does not know
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        return min(available, limit - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        return available


def check(network: ModelConfig, training: TrainerConfig, length: int) -> None:
    """Raises ``ArgumentError`` if training on a text of ``length`` characters would take more than there is.

    It names the setting that, at its default, would spare the most.
    """
    sizes = {
        "hidden_size": network.hidden_size,
        "num_layers": network.num_layers,
        "batch_size": training.batch_size,
        "seq_length": training.seq_length,
    }

    def needed(hidden_size: int, num_layers: int, batch_size: int, seq_length: int) -> int:
        config = replace(network, hidden_size=hidden_size, num_layers=num_layers)
        return bytes_needed(config, batch_size, min(seq_length, -(-length // batch_size)))

    total, available = needed(**sizes), bytes_available()
    if total > available:
        name = min(sizes, key=lambda name: needed(**{**sizes, name: min(sizes[name], DEFAULTS[name])}))
        raise ArgumentError(
            f"{name}: got {sizes[name]}, which needs {decimal(total)} of memory; {decimal(available)} are free"
        )
