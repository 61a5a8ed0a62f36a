"""How much memory training takes: the formula for one step, and the peak of a whole process.

``python -m bench.memory CONTENDER ROW`` trains a little and prints the peak as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lstm_ext.cells import CELLS
from lstm_ext.engine.config import ModelConfig

from .contender import make_trainer
from .problem import make_problem
from .rows import row_named

#: A weight gradient's product packs this much of T·B at a time (DEPTH in csrc/kernel/gemm.h), for all rows
#: and for one panel of columns (PANEL), which is two vectors, here taken as those of AVX-512.
_DEPTH = 256
_PANEL_BYTES = 128
#: Rounds of training whose peak is measured.
_ROUNDS = 3


def step_bytes(config: ModelConfig, seq_length: int, batch_size: int, threads: int = 1) -> int:
    """Working memory of the C core's training step, without dropout and peepholes; see docs/performance.md.

    Beside it there are the caller's parameters, gradient and moments, 4·P numbers. What fills
    panels up to whole vectors is not counted.
    """
    size = 4 if config.dtype == "float32" else 8
    t, b, h, v, layers = seq_length, batch_size, config.hidden_size, config.output_size, config.num_layers
    blocks, states = config.layers()[0].blocks, config.layers()[0].state_arrays
    threads = min(threads, b)
    kept = blocks + states + CELLS[config.cell].has_extra  # gates, h, c, and tanh(c) or r⊙h
    numbers = t * b * (kept * layers * h + h + v)
    numbers += b * h * states * (layers + 1)
    numbers += blocks * h * h * (4 * layers - 2) + 2 * v * h
    if threads > 1:
        numbers += threads * config.num_parameters
    return size * numbers + threads * _DEPTH * (size * h + _PANEL_BYTES) + 8 * t * b


def peak_bytes() -> int:
    """The most memory that this process has held so far (resident set)."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike getrusage, it does not count what the parent held before exec
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(arguments: list[str]) -> None:
    key, name = arguments
    trainer = make_trainer(key, make_problem(row_named(name)), 1)
    for _ in range(_ROUNDS):
        trainer.train()
    print(json.dumps({"bytes": peak_bytes()}))


if __name__ == "__main__":
    main(sys.argv[1:])
