"""Measure the training speed of the C core and its NumPy twin on this machine.

One step is everything: forward, softmax loss, backward, clipping and Adam, float32, 65 symbols.
The engines take turns, so that both meet the same noise; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os

from ..options import CELLS, add_json, whole
from ..units import rate

VOCABULARY = 65
#: hidden_size, batch_size, seq_length
SIZES = ((64, 1, 25), (128, 16, 50), (256, 32, 50))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cell", choices=CELLS, default="lstm", help="default: lstm")
    parser.add_argument("--threads", type=whole(1, 1024), default=1, metavar="N", help="of either engine (default: 1)")
    parser.add_argument("--repeats", type=whole(1, 1000), default=5, metavar="N", help="measurements each (default: 5)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    # The twin's threads are those of NumPy's BLAS, which reads these when it is loaded.
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)

    from lstm_ext.backend import available_backends
    from lstm_ext.config import ModelConfig

    from ..speed import seconds_per_step

    backends = available_backends()
    if not arguments.json:
        print(
            f"{arguments.cell}, {VOCABULARY} symbols, float32, Adam; {arguments.threads} thread(s); "
            f"median of {arguments.repeats}, engines in turn"
        )
        print(f"{'H':>5}{'B':>5}{'T':>5}  " + "".join(f"{name + ' ms/step':>16}{'chars/s':>10}" for name in backends))
    results = []
    for hidden_size, batch_size, seq_length in SIZES:
        config = ModelConfig(VOCABULARY, hidden_size, VOCABULARY, cell=arguments.cell)
        seconds = seconds_per_step(
            config, batch_size, seq_length, backends, threads=arguments.threads, repeats=arguments.repeats
        )
        speeds = {name: batch_size * seq_length / value for name, value in seconds.items()}
        results += [
            {
                "cell": arguments.cell,
                "hidden_size": hidden_size,
                "batch_size": batch_size,
                "seq_length": seq_length,
                "backend": name,
                "threads": arguments.threads,
                "ms_per_step": seconds[name] * 1e3,
                "chars_per_second": speeds[name],
            }
            for name in backends
        ]
        if not arguments.json:
            figures = "".join(f"{seconds[name] * 1e3:>16.3f}{rate(speeds[name]):>10}" for name in backends)
            ratio = f"   ×{seconds['numpy'] / seconds['c']:.1f}" if "c" in seconds else ""
            print(f"{hidden_size:>5}{batch_size:>5}{seq_length:>5}  {figures}{ratio}", flush=True)
    if arguments.json:
        print(json.dumps({"results": results}))
    return 0
