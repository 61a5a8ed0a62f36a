"""Runs every variant of an experiment with every seed, here or in other processes, and keeps what is done.

Each run's numbers are written to a file of their own as soon as it is finished, under a name that its
settings, its seed and the engine decide. So an experiment that was interrupted goes on where it was, one with more
seeds or variants only adds what is new, and what was measured with other settings is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..engine.backend import backend_name
from ..files import write_atomically
from .experiment import Experiment, Numbers, Results, Settings


@dataclass(frozen=True)
class Cell:
    """One variant with one seed, and the file that its numbers are kept in (None: they are not)."""

    variant: str
    settings: Settings
    seed: int
    path: Path | None


def cells(experiment: Experiment, seeds: Sequence[int], quick: bool, directory: Path | None) -> list[Cell]:
    """All runs, seed by seed, so that an interrupted experiment has whole comparisons."""
    variants = experiment.variants(quick)
    return [
        Cell(label, settings, seed, None if directory is None else _path(directory, experiment, label, settings, seed))
        for seed in seeds
        for label, settings in variants.items()
    ]


def kept(cell: Cell) -> Numbers | None:
    """A finished run's numbers, or None."""
    if cell.path is None:
        return None
    try:
        saved = json.loads(cell.path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    numbers: Numbers | None = saved.get("numbers") if isinstance(saved, dict) else None
    return numbers


def run(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
    quick: bool = False,
    jobs: int = 1,
    directory: Path | None = None,
    fresh: bool = False,
    on_cell: Callable[[Cell], object] | None = None,
) -> Results:
    """All runs that ``directory`` does not have yet (with ``fresh``: all), in ``jobs`` processes.

    Each process uses one thread. ``on_cell`` is called after each run, in this process. Whatever ends this
    early, KeyboardInterrupt included, what is finished is kept.
    """
    planned = cells(experiment, seeds, quick, directory)
    numbers = {} if fresh else {(cell.variant, cell.seed): found for cell in planned if (found := kept(cell))}
    todo = [cell for cell in planned if (cell.variant, cell.seed) not in numbers]
    for cell, measured in _parallel(experiment, todo, jobs) if jobs > 1 else _serial(experiment, todo):
        numbers[cell.variant, cell.seed] = measured
        if on_cell is not None:
            on_cell(cell)
    return Results(experiment.variants(quick), tuple(seeds), numbers, quick)


def _serial(experiment: Experiment, todo: Sequence[Cell]) -> Iterator[tuple[Cell, Numbers]]:
    for cell in todo:
        yield cell, _measure(experiment, cell)


def _parallel(experiment: Experiment, todo: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, Numbers]]:
    import joblib
    from joblib.externals.loky import get_reusable_executor

    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        workers = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        try:
            yield from workers(joblib.delayed(_measure_in_worker)(experiment, cell) for cell in todo)
        except BaseException:
            get_reusable_executor().shutdown(wait=False, kill_workers=True)
            raise


def _measure_in_worker(experiment: Experiment, cell: Cell) -> tuple[Cell, Numbers]:
    # Ctrl-C reaches all processes of a terminal; the parent ends this one when it has ended itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return cell, _measure(experiment, cell)


def _measure(experiment: Experiment, cell: Cell) -> Numbers:
    begin = time.perf_counter()
    # Through JSON, so that fresh numbers and kept ones are the very same.
    numbers: Numbers = json.loads(json.dumps(plain(experiment.measure(cell.settings, cell.seed))))
    if cell.path is not None:
        record = {
            "experiment": experiment.name,
            "variant": cell.variant,
            "settings": dict(cell.settings),
            "seed": cell.seed,
            "seconds": round(time.perf_counter() - begin, 3),
            "numbers": numbers,
        }
        cell.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cell.path, json.dumps(record) + "\n")
    return numbers


def plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's, and null for what JSON has no number for."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def engine() -> str:
    """What does the arithmetic here: "numpy", or "c" with the kernel's name, for each rounds in its own way."""
    name = backend_name()
    if name != "c":
        return name
    from ..engine import core

    return f"c {core.kernel()}"


def _path(directory: Path, experiment: Experiment, label: str, settings: Settings, seed: int) -> Path:
    identity = [experiment.name, dict(settings), seed, engine(), __version__]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    slug = re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-")
    return directory / experiment.name / f"{slug}-{seed}-{digest[:16]}.json"
