"""Starts separate processes that measure, and gathers what they print."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lstm_ext import __version__
from lstm_ext.engine.backend import available_backends
from lstm_ext.timing import Spread, spread, time_in_turns

from .contender import GROUPS, PEERS
from .report import RowResult
from .worker import environment

#: Where a training run's peak memory is measured.
MEMORY_ROW = "lstm-256-64-100"
_PACKAGES = ("numpy", "torch", "jax")


_ROOT = Path(__file__).parent.parent
#: Runs a module of the benchmark, for which the benchmark's folder is looked into, but for nothing else.
_START = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
import bench
sys.path.pop()
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


def module_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Runs ``module`` of the benchmark in a process of its own, which imports nothing from the current folder."""
    return (sys.executable, "-I", "-c", _START, str(_ROOT), module, *arguments)


class WorkerError(RuntimeError):
    """A process of the benchmark ended too early; its message is the last thing that it said."""


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_machine() -> dict[str, Any]:
    """Processor, system, versions, and which kernel the C core uses; ``load`` tells whether it was quiet."""
    kernel = compiler = None
    if "c" in available_backends():
        from lstm_ext.engine import core

        kernel, compiler = core.default_kernel(), core.compiler()
    return {
        "processor": _processor(),
        "processors": processors(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "kernel": kernel,
        "compiler": compiler,
        "versions": {"lstm_lab": __version__, "python": platform.python_version()}
        | {package: _version(package) for package in _PACKAGES},
    }


def measure_rows(
    threads: int, rows: Sequence[str], seconds: float, groups: Sequence[str]
) -> Generator[RowResult, None, None]:
    """Each row's result as soon as it is there. Closing the generator ends the worker at once.

    ``seconds`` is how long a row's contenders take turns; before, they are warmed up and compared.
    """
    job = json.dumps({"threads": threads, "seconds": seconds, "rows": rows, "groups": groups})
    with tempfile.TemporaryFile("w+") as errors:
        worker = subprocess.Popen(
            module_command("bench.worker", job),
            env=environment(threads),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert worker.stdout is not None
            for line in worker.stdout:
                yield RowResult.from_json(json.loads(line))
            if worker.wait() != 0:
                errors.seek(0)
                last = errors.read().strip().rpartition("\n")[2]
                raise WorkerError(last or f"the worker ended with status {worker.returncode}")
        finally:
            worker.kill()
            worker.wait()


def peak_memory(groups: Sequence[str]) -> Iterator[tuple[str, int]]:
    """For each group, the most bytes that a process held which trained ``MEMORY_ROW`` for a moment."""
    for group in groups:
        done = subprocess.run(
            module_command("bench.memory", group, MEMORY_ROW),
            env=environment(1),
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            yield group, int(json.loads(done.stdout)["bytes"])


def startup_times(
    actions: Mapping[str, Callable[[], object]], seconds: float
) -> tuple[dict[str, Spread], dict[str, str]]:
    """Seconds that each takes, in turns for ``seconds`` after a first turn that does not count.

    Second, what was the matter with those that failed in the first turn, and so are left out.
    """
    failures = {}
    for name, action in actions.items():
        try:
            action()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            failures[name] = str(error)
    working = {name: action for name, action in actions.items() if name not in failures}
    return {name: spread(times) for name, times in time_in_turns(working, seconds).items()}, failures


def imports(groups: Sequence[str]) -> dict[str, Callable[[], object]]:
    """For ``startup_times``: whole processes that import NumPy, lstm_ext and the packages of ``groups``."""
    modules = ["numpy", "lstm_ext", *(GROUPS[group] for group in groups if group in PEERS)]
    return {f"import {module}": whole_process(sys.executable, "-I", "-c", f"import {module}") for module in modules}


def whole_process(*command: str) -> Callable[[], object]:
    """For ``startup_times``: runs ``command`` to its end. Raises CalledProcessError if it fails."""
    quiet = subprocess.DEVNULL
    return lambda: subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=True)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
