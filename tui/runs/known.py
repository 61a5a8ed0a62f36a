"""The runs that are known: checkpoints that were written or opened, those in the current folder, and training that no
file of the user's has yet. Only headers and loss curves are read, and nothing is written."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from lstm_ext.cells import CELLS
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import CheckpointError
from lstm_ext.lock import holder
from lstm_ext.tensors import SUFFIX, open_tensors
from lstm_ext.train.checkpoint import FORMAT, HEADER_BYTES, CheckpointHeader, load_header
from lstm_ext.train.history import HistoryView

from .registry import Registry

#: How many checkpoints of a folder are looked at, the newest of them.
MOST = 300
#: How the file of a run's timeline is called: NAME-timeline.safetensors.
TIMELINE = "-timeline"
_PREDECESSOR = re.compile(rf"(.+)\.old-(\d{{1,9}}){re.escape(SUFFIX)}")

#: "saved": a file of the user's. "unsaved": what a lab kept that was left without saving. "earlier": what a run of the
#: same name had learned before it was begun anew.
Kind = Literal["saved", "unsaved", "earlier"]


@dataclass(frozen=True)
class Run:
    """A checkpoint, or the place where one was."""

    #: Absolute.
    path: str
    kind: Kind
    #: When it was written, in seconds since the epoch, and its size in bytes.
    modified: float = 0.0
    size: int = 0
    header: CheckpointHeader | None = None
    #: Why there is no header, in a few words.
    problem: str = ""
    #: There is no such file any more.
    gone: bool = False
    #: Who is writing it just now, or "".
    writer: str = ""
    #: Where the weights on its way are, if they were saved under its name, or "".
    timeline: str = ""
    #: What runs of the same name had learned, the latest first.
    earlier: tuple[Run, ...] = ()

    @property
    def name(self) -> str:
        """Of the file, without the suffix."""
        return os.path.basename(self.path).removesuffix(SUFFIX)

    @property
    def text(self) -> str:
        """The name of what was learned, without its folder."""
        return "" if self.header is None else os.path.basename(self.header.text.name)

    @property
    def network(self) -> str:
        """Cell and size: "LSTM 128" or, with two layers, "LSTM 128×2"."""
        if self.header is None:
            return ""
        return network_name(self.header.config)

    @property
    def step(self) -> int:
        """Optimizer steps."""
        return 0 if self.header is None else self.header.step

    @property
    def validated(self) -> bool:
        """Whether ``loss`` was measured on text that was not trained on."""
        return self.header is not None and self.header.history.best_val is not None

    @property
    def loss(self) -> float:
        """The best validation loss or, before there is one, the smoothed training loss, in nats per character; NaN
        where there is none."""
        if self.header is None:
            return math.nan
        best = self.header.history.best_val
        return self.header.history.smoothed if best is None else best

    @property
    def bits(self) -> float:
        """The same in bits per character."""
        return self.loss / math.log(2.0)

    @cached_property
    def curve(self) -> HistoryView | None:
        """The losses, in nats per character."""
        return None if self.header is None else self.header.history.view()

    def trend(self, count: int) -> np.ndarray:
        """(count,) smoothed losses at steps that lie ever further apart: early steps teach the most. Empty where
        nothing was learned."""
        curve = self.curve
        if curve is None or not len(curve.steps) or count < 1:
            return np.empty(0)
        first, last = curve.steps[0], curve.steps[-1]
        steps = first + (last - first) * np.linspace(0.0, 1.0, count) ** 2
        places = np.minimum(np.searchsorted(curve.steps, steps), len(curve.steps) - 1)
        losses: np.ndarray = curve.smoothed[places]
        return losses


def network_name(config: ModelConfig) -> str:
    """A network in short: LSTM 128, GRU 64×2."""
    layers = f"×{config.num_layers}" if config.num_layers > 1 else ""
    return f"{CELLS[config.cell].title} {config.hidden_size}{layers}"


class KnownRuns:
    """Finds them, again and again: a file that has not changed is not read a second time."""

    def __init__(self, registry: Registry, unsaved: Path | None = None) -> None:
        """``unsaved``: the folder in which labs keep what was not saved."""
        self._registry, self._unsaved = registry, unsaved
        self._read: dict[str, tuple[tuple[int, ...], Run]] = {}
        #: Files that others write, which are called as checkpoints are.
        self._foreign: dict[str, tuple[int, ...]] = {}

    def find(self, folder: str = os.curdir, *, without: Iterable[str | os.PathLike[str]] = ()) -> list[Run]:
        """All of them, with those in ``folder``, in no order; ``without`` some paths."""
        left_out = {os.path.realpath(path) for path in without}
        runs: dict[str, Run] = {}

        def add(path: str, kind: Kind) -> None:
            real = os.path.realpath(path)
            if real not in left_out and real not in runs:
                runs[real] = self._run(path, kind)

        here = [path for path in _checkpoints(folder) if self._is_ours(path)]
        for path in here:
            add(path, "saved")
        known = self._registry.runs()
        for path in known:
            add(path, "saved")
        for folder in dict.fromkeys(map(os.path.dirname, known)):
            for path in _checkpoints(folder):
                if (base := _successor(path)) and base in known and self._is_ours(path):
                    add(path, "saved")
        if self._unsaved is not None:
            for path in _checkpoints(str(self._unsaved)):
                add(path, "unsaved")
        self._read = {path: entry for path, entry in self._read.items() if os.path.realpath(path) in runs}
        return _nested(list(runs.values()))

    def _run(self, path: str, kind: Kind) -> Run:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return Run(path, kind, gone=True, problem="the file is gone")
        except (OSError, ValueError) as error:
            return Run(path, kind, problem=getattr(error, "strerror", None) or str(error))
        identity = _identity(status)
        before = self._read.get(path)
        if before is None or before[0] != identity:
            run = Run(path, kind, modified=status.st_mtime, size=status.st_size)
            before = identity, _with_header(run)
            self._read[path] = before
        timeline = path.removesuffix(SUFFIX) + TIMELINE + SUFFIX
        there = timeline if os.path.isfile(timeline) else ""
        return replace(before[1], kind=kind, writer=holder(path), timeline=there)

    def _is_ours(self, path: str) -> bool:
        """Whether a file of a folder is a checkpoint, or may be what is left of one; others write such files, too."""
        if path in self._read:
            return True
        try:
            identity = _identity(os.stat(path))
            if self._foreign.get(path) == identity:
                return False
            with open_tensors(path, header_bytes=HEADER_BYTES) as file:
                ours = file.metadata.get("format") == FORMAT
        except (CheckpointError, OSError, MemoryError):
            return True
        if not ours:
            self._foreign[path] = identity
        return ours


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file from every other that was or will be of its name."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _with_header(run: Run) -> Run:
    try:
        return replace(run, header=load_header(run.path))
    except MemoryError:
        return replace(run, problem="not enough memory to read it")
    except CheckpointError as error:
        return replace(run, problem=str(error).removeprefix(f"{run.path}: "))


def _checkpoints(folder: str) -> list[str]:
    """The absolute paths of the newest files in ``folder`` that are called as checkpoints are."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith(".") and entry.is_file():
                    status = entry.stat()
                    if status.st_size:
                        found.append((status.st_mtime, os.path.abspath(entry.path)))
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)[:MOST]]


def _successor(path: str) -> str:
    """Where the run is that took the place of the one at ``path``; "" if that name says nothing of one."""
    folder, name = os.path.split(path)
    found = _PREDECESSOR.fullmatch(name)
    return os.path.join(folder, found[1] + SUFFIX) if found else ""


def _age(path: str) -> int:
    found = _PREDECESSOR.fullmatch(os.path.basename(path))
    return int(found[2]) if found else 0


def _nested(runs: list[Run]) -> list[Run]:
    """The same with earlier runs below those that took their place."""
    paths = {run.path for run in runs}
    earlier: dict[str, list[Run]] = {}
    for run in runs:
        if (base := _successor(run.path)) in paths:
            earlier.setdefault(base, []).append(replace(run, kind="earlier"))
    below = {run.path for group in earlier.values() for run in group}
    return [
        replace(run, earlier=tuple(sorted(earlier.get(run.path, ()), key=lambda old: -_age(old.path))))
        for run in runs
        if run.path not in below
    ]
