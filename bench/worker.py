"""One process of the benchmark, for one number of threads: PyTorch and JAX can have only one per process.

``python -m bench.worker '{"threads": 1, "seconds": 3, "groups": [...], "rows": [...]}'``
prints each row's ``RowResult`` as a line of JSON as soon as it is measured. ``run`` starts it, in
the ``environment`` for that number of threads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Collection

from lstm_ext.engine.config import DtypeName
from lstm_ext.timing import spread, time_in_turns

from .agreement import GREEDY_LENGTH, sampling_disagreement, training_disagreement
from .contender import CONTENDERS, OURS, PEERS, counting_peers, make_sampler, make_trainer
from .memory import step_bytes
from .own import EngineSampler, EngineTrainer
from .peak import PeakMeter
from .problem import make_problem
from .report import RowResult, Timing
from .rows import Row, row_named

_PEAK = "peak"
#: Those of OpenMP, of NumPy's and PyTorch's BLAS, and (NPROC) of XLA.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
)
#: Given a contender's key: what it does when its turn comes, and what speaks against counting it.
Entry = Callable[[str], tuple[Callable[[], object], str | None]]


def environment(threads: int) -> dict[str, str]:
    """This process's environment, with every library that the contenders use held to ``threads``."""
    eigen = str(threads > 1).lower()
    return {
        **os.environ,
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}",
        "JAX_PLATFORMS": "cpu",
    }


def pin(threads: int) -> None:
    """Keeps this process on its last ``threads`` processors, where the system knows how: no hidden helpers."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def measure_row(row: Row, threads: int, seconds: float, groups: Collection[str]) -> RowResult:
    """All contenders of ``groups`` in one row: first whether they agree, then their times, in turns."""
    enter = _sampling(row) if row.kind == "sampling" else _training(row, threads)
    contenders = [contender for contender in CONTENDERS[row.kind] if contender.group in groups]
    actions: dict[str, Callable[[], object]] = {}
    void: dict[str, str] = {}
    for contender in contenders:
        try:
            action, problem = enter(contender.key)
        except Exception as error:  # of any kind: other people's libraries
            problem = f"{type(error).__name__}: {error}"
        if problem is None:
            actions[contender.key] = action
        else:
            void[contender.key] = problem

    meter = PeakMeter(_dtype(row, OURS), threads) if OURS in actions and row.kind != "sampling" else None
    times = time_in_turns(actions | ({_PEAK: meter.measure} if meter else {}), seconds)
    timings = tuple(
        Timing(
            contender.key,
            contender.label,
            spread([t / row.units_per_round for t in times[contender.key]]) if contender.key in times else None,
            void.get(contender.key),
            _nearest(row, contender.key),
        )
        for contender in contenders
    )
    if meter is None:
        return RowResult(row.name, threads, timings)
    meter.close()
    return RowResult(
        row.name,
        threads,
        timings,
        spread([meter.operations / t for t in times[_PEAK]]),
        _memory_of_training(row, threads),
        step_bytes(row.config(_dtype(row, OURS)), row.seq_length, row.batch_size, threads),
    )


def _memory_of_training(row: Row, threads: int) -> int | None:
    """Of an engine that does nothing else: to look at gradients, as for the comparison, takes more."""
    trainer = EngineTrainer(make_problem(row, _dtype(row, OURS)), "c", threads)
    trainer.train()
    return trainer.memory_bytes


def _training(row: Row, threads: int) -> Entry:
    reference = EngineTrainer(make_problem(row, "float64"), "numpy")
    expected, expected_losses = reference.loss_and_gradients(), reference.train()

    def enter(key: str) -> tuple[Callable[[], object], str | None]:
        trainer = make_trainer(key, make_problem(row, _dtype(row, key)), threads)
        if _nearest(row, key):
            trainer.train()  # to be warm
            return trainer.train, None
        return trainer.train, training_disagreement(trainer, expected, expected_losses)

    return enter


def _sampling(row: Row) -> Entry:
    expected = EngineSampler(make_problem(row, "float64"), "numpy").greedy(GREEDY_LENGTH)

    def enter(key: str) -> tuple[Callable[[], object], str | None]:
        sampler = make_sampler(key, make_problem(row))
        return sampler.draw, sampling_disagreement(sampler, expected)

    return enter


def _dtype(row: Row, key: str) -> DtypeName:
    return "float64" if row.kind == "float64" and key == OURS else "float32"


def _nearest(row: Row, key: str) -> bool:
    """Whether the contender is a peer, but has not got what the row asks for."""
    group = key.split("-")[0]
    return row.kind == "training" and group in PEERS and group not in counting_peers(row)


def main(arguments: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for the parent to speak about
    job = json.loads(arguments[0])
    pin(job["threads"])
    for name in job["rows"]:
        result = measure_row(row_named(name), job["threads"], job["seconds"], job["groups"])
        print(json.dumps(result.to_json()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
