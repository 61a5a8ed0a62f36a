"""Recovery checkpoints: what a lab that was cut off had learned, to be continued at the next start.

Each run has a file of its own in the user's state folder, which only this user can read, and the process that writes
it has its lock. The kernel takes the lock back however the process ends, so a file whose lock is free was left behind.
Beside it a link points to the folder in which the name of the text is to be read.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from lstm_ext.cells import CELLS
from lstm_ext.data import BUILTIN
from lstm_ext.errors import CheckpointError, LabError
from lstm_ext.files import write_atomically
from lstm_ext.lock import locked
from lstm_ext.tensors import SUFFIX, check_destination, open_tensors
from lstm_ext.train.checkpoint import FORMAT, VERSION
from lstm_ext.train.trainer import Trainer

from ..text.units import ago, clock
from ..text.visible import visible

#: Seconds between two checkpoints: the most that a crash or a power cut may cost.
SECONDS = 20.0
#: Checkpoints of large networks come further apart, so that they take at most this share of the time.
SHARE = 0.05
_PIECE = 1 << 20


def reason(error: OSError | LabError) -> str:
    """Why something could not be written."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def recovery_folder() -> Path:
    """On Linux ~/.local/state/lstm-lab/recovery."""
    return user_state_path("lstm-lab", appauthor=False) / "recovery"


class Recovery:
    """One run's recovery checkpoint, of which this process has the lock."""

    def __init__(self, path: Path) -> None:
        """Takes the lock. Raises CheckpointError if another process has it."""
        self.path = path
        self._link = path.with_suffix(".folder")
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(locked(path))
        self._guard = threading.Lock()  # a file that is being written is not removed
        self._released = False
        self._kept_step = 0
        #: Why the last attempt to keep something failed, or "".
        self.problem = ""

    @classmethod
    def new(cls, folder: Path) -> Recovery:
        """Of a run that begins. Raises OSError, CheckpointError where none can be kept."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise CheckpointError(f"{folder}: cannot be written")
        recovery = cls(folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}{SUFFIX}")
        with contextlib.suppress(OSError):  # a file system without links
            os.symlink(os.getcwd(), recovery._link)
        return recovery

    def keep(self, trainer: Trainer) -> None:
        """Write what ``trainer`` has learned, if that is more than before. Raises CheckpointError."""
        with self._guard:
            step = trainer.snapshot().step
            if self._released or step == self._kept_step:
                return
            if not self.path.exists():
                write_atomically(self.path, b"", mode=0o600)  # what is replaced keeps its permissions
            trainer.save(str(self.path))
            self._kept_step = step

    def keep_on(self, trainer: Trainer, ended: threading.Event) -> None:
        """``keep`` every now and then until ``ended``."""
        pause = SECONDS
        while not ended.wait(pause):
            begin = time.monotonic()
            try:
                self.keep(trainer)
                self.problem = ""
            except (OSError, LabError) as error:
                self.problem = reason(error)
            pause = max(SECONDS, (time.monotonic() - begin) / SHARE)

    def clear(self) -> None:
        """Remove the file: nothing in it is worth keeping. Raises OSError."""
        with self._guard:
            self.path.unlink(missing_ok=True)
            self._kept_step = 0

    def release(self, *, keep: bool = True) -> None:
        """Give the lock back; the file, if there is one, is there for the next lab, unless it is not to be kept.

        A ``keep`` that waits its turn meanwhile writes nothing any more.
        """
        with self._guard:
            if not self._released:
                self._released = True
                if not keep:
                    with contextlib.suppress(OSError):
                        self.path.unlink(missing_ok=True)
                if not self.path.exists():
                    with contextlib.suppress(OSError):
                        self._link.unlink()
                self._stack.close()

    def text(self, name: str) -> str:
        """Where the text is that the run called ``name``: a built-in one, or a path that holds in any folder."""
        if name in BUILTIN:
            return name
        try:
            return os.path.join(os.readlink(self._link), name)
        except OSError:
            return name

    def copy(self, path: str) -> None:
        """Write a copy to ``path``. Raises CheckpointError, OSError."""
        check_destination(path)
        with locked(path), self.path.open("rb") as file:
            write_atomically(path, iter(lambda: file.read(_PIECE), b""))


def left_behind(folder: Path) -> list[Recovery]:
    """What labs that no longer run have left, the newest first, each with its lock; leftovers without a file go."""
    found = []
    for path in sorted(_paths(folder), key=_age):
        try:
            recovery = Recovery(path)
        except CheckpointError:  # of a lab that runs
            continue
        if _age(path) < math.inf:
            found.append(recovery)
        else:
            recovery.release(keep=False)
    return found


def _paths(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from {path.with_suffix(SUFFIX) for path in folder.iterdir() if path.suffix in (SUFFIX, ".folder")}


def _age(path: Path) -> float:
    """Seconds since it was written; infinite if there is nothing in it."""
    try:
        status = path.stat()
    except OSError:
        return math.inf
    return time.time() - status.st_mtime if status.st_size else math.inf


@dataclass(frozen=True)
class Summary:
    """What a recovery checkpoint holds, for people."""

    text: str
    cell: str
    hidden_size: int
    num_layers: int
    step: int
    #: Spent in training.
    seconds: float
    #: Seconds since it was written.
    age: float

    @classmethod
    def of(cls, recovery: Recovery) -> Summary:
        """From the file's header, whatever its size. Raises CheckpointError if that makes no sense."""
        with open_tensors(recovery.path) as file:
            contents = file.contents(format=FORMAT, version=VERSION, what="checkpoint")
            model = contents["model"]
            return cls(
                text=str(contents["text"]["name"]),
                cell=str(model["cell"]),
                hidden_size=int(model["hidden_size"]),
                num_layers=int(model["num_layers"]),
                step=int(contents["step"]),
                seconds=float(contents["seconds"]),
                age=_age(recovery.path),
            )

    def __str__(self) -> str:
        size = f"{self.hidden_size}×{self.num_layers}" if self.num_layers > 1 else f"{self.hidden_size}"
        name = visible(os.path.basename(self.text))[-24:]
        cell = next((cell.title for known, cell in CELLS.items() if known == self.cell), self.cell)
        return f"{name} · {cell} {size} · step {self.step:,} · trained {clock(self.seconds)} · {ago(self.age)}"
