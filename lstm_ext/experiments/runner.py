"""Runs every variant of an experiment with every seed, here or in other processes, and keeps finished runs.

Each run's numbers are written to a file of their own as soon as it is finished, under a name that its
settings, its seed and the engine decide. So an interrupted experiment continues where it stopped, one with more
seeds or variants runs only the new ones, and runs with other settings are never mistaken for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..arguments import checked
from ..engine.backend import backend_name
from ..errors import LabError
from ..files import write_atomically
from .experiment import Experiment, Numbers, Results, Settings

#: One thread each.
_WORKER_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@checked
@dataclass(frozen=True)
class Cell:
    """One variant with one seed, and the file that its numbers are kept in (None: they are not)."""

    variant: str
    settings: Settings
    seed: int
    path: Path | None


class Measured(NamedTuple):
    """What a run measured, and how long it took."""

    numbers: Numbers
    seconds: float


@checked
def cells(experiment: Experiment, seeds: Sequence[int], quick: bool, directory: Path | None) -> list[Cell]:
    """All runs, seed by seed, so that an interrupted experiment has whole comparisons."""
    variants = experiment.variants(quick)
    return [
        Cell(label, settings, seed, None if directory is None else _path(directory, experiment, label, settings, seed))
        for seed in seeds
        for label, settings in variants.items()
    ]


@checked
def kept(cell: Cell) -> Measured | None:
    """A finished run, or None."""
    if cell.path is None:
        return None
    try:
        saved = json.loads(cell.path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not (isinstance(saved, dict) and isinstance(saved.get("numbers"), dict)):
        return None
    seconds = saved.get("seconds")
    return Measured(saved["numbers"], float(seconds) if isinstance(seconds, (int, float)) else 0.0)


@checked
def run(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
    quick: bool = False,
    jobs: int = 1,
    directory: Path | None = None,
    fresh: bool = False,
    on_cell: Callable[[Cell, Measured], object] | None = None,
) -> Results:
    """Do all runs that ``directory`` does not have yet (with ``fresh``: all), in ``jobs`` processes.

    Each process uses one thread; with several, a script that calls this needs the usual ``if __name__ ==
    "__main__":``. ``on_cell`` is called after each run, in this process. Finished runs are kept however this
    ends, also by KeyboardInterrupt. Raises LabError if a process dies.
    """
    planned = cells(experiment, seeds, quick, directory)
    numbers = {} if fresh else {(cell.variant, cell.seed): run.numbers for cell in planned if (run := kept(cell))}
    todo = [cell for cell in planned if (cell.variant, cell.seed) not in numbers]
    jobs = min(jobs, len(todo))
    for cell, measured in _parallel(experiment, todo, jobs) if jobs > 1 else _serial(experiment, todo):
        numbers[cell.variant, cell.seed] = measured.numbers
        if on_cell is not None:
            on_cell(cell, measured)
    return Results(experiment.variants(quick), tuple(seeds), numbers, quick)


def _serial(experiment: Experiment, todo: Sequence[Cell]) -> Iterator[tuple[Cell, Measured]]:
    for cell in todo:
        yield cell, _measure(experiment, cell)


def _parallel(experiment: Experiment, todo: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, Measured]]:
    folder = os.getcwd()
    with _environment(_WORKER_ENVIRONMENT), _with_safe_path(), _without_signals():
        workers = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(folder,))
        before = set(active_children())
        futures = {workers.submit(_measure, experiment, cell): cell for cell in todo}
        processes = set(active_children()) - before
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise LabError(
            "a measuring process was ended from outside, perhaps because memory ran out: fewer jobs need less; "
            "finished runs are kept"
        ) from None
    except BaseException:
        for process in processes:  # at once, in the middle of their work
            process.kill()
        raise
    finally:
        workers.shutdown(wait=False, cancel_futures=True)


def _begin(folder: str) -> None:
    """Work in ``folder``, and end with the parent of this process; otherwise it would wait for work forever."""
    os.chdir(folder)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # by which the pool ends the others if one dies

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """``variables`` for the processes that are started meanwhile: NumPy's BLAS reads them when it is loaded."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _with_safe_path() -> Iterator[None]:
    """Processes that are started meanwhile import nothing from the current folder, where somebody's json.py may lie.

    They begin as `python -c`, which looks there first. From Python 3.11 on, a variable says not to; until then they
    begin in another folder, and ``_begin`` takes them back.
    """
    if sys.version_info >= (3, 11):
        with _environment({"PYTHONSAFEPATH": "1"}):
            yield
        return
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(before)
        os.close(before)


@contextmanager
def _without_signals() -> Iterator[None]:
    """Processes that are started meanwhile never see a Ctrl-C or a hang-up, which reach all processes of a terminal.

    This one gets them afterwards, and ends the others.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    resource_tracker.ensure_running()  # starting it lets the other two through again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _measure(experiment: Experiment, cell: Cell) -> Measured:
    begin = time.perf_counter()
    # Through JSON, so that fresh numbers and kept ones are the very same.
    numbers: Numbers = json.loads(json.dumps(plain(experiment.measure(cell.settings, cell.seed))))
    seconds = round(time.perf_counter() - begin, 3)
    if cell.path is not None:
        record = {
            "experiment": experiment.name,
            "variant": cell.variant,
            "settings": dict(cell.settings),
            "seed": cell.seed,
            "seconds": seconds,
            "numbers": numbers,
        }
        cell.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cell.path, json.dumps(record) + "\n")
    return Measured(numbers, seconds)


@checked
def plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's, and null for what JSON has no number for."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


@checked
def rounded(value: Any) -> Any:
    """``plain``, with six significant digits."""
    value = plain(value)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def engine() -> str:
    """What does the arithmetic here: "numpy", or "c" with the kernel's name, for each rounds in its own way."""
    name = backend_name()
    if name != "c":
        return name
    from ..engine import core

    return f"c {core.default_kernel()}"


def _path(directory: Path, experiment: Experiment, label: str, settings: Settings, seed: int) -> Path:
    identity = [experiment.name, dict(settings), seed, engine(), __version__]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    slug = re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-")
    return directory / experiment.name / f"{slug}-{seed}-{digest[:16]}.json"
