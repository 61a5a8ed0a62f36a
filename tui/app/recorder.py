"""Records what is done and shown in the lab, as a lesson: see ``lessons/log.py`` for the format."""

from __future__ import annotations

import base64
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from lstm_ext import __version__
from lstm_ext.errors import DataError, LabError
from lstm_ext.train.trainer import Trainer

from ..lessons.log import MAX_BYTES, MAX_LINE, MAX_NETWORK, MAX_NOTE, MAX_SECONDS, PACKED, PROGRESS, SUFFIX, Header

#: Seconds between two looks at what is shown, and between two snapshots of a run.
LOOK, PROGRESS_EVERY = 0.2, 0.5
#: Seconds after which the state is written again, even if nothing has changed, and between two networks at least.
AGAIN, NETWORK_EVERY = 10.0, 2.0
#: What networks take of a second, as long as the screen is the same: large ones come further apart.
BYTES_PER_SECOND = 100 << 10


def lesson_path(path: str) -> str:
    """``path``, if its name says that it is a lesson. Raises DataError."""
    if not path.endswith(SUFFIX):
        also = " (packed ones are made with gzip)" if path.endswith(PACKED) else ""
        raise DataError(f"{path}: a recording is a file NAME{SUFFIX}{also}")
    return path


class Recorder:
    """Appends events to a file, each of them at once. A file that exists is refused: nothing is overwritten."""

    def __init__(self, path: str, title: str = "", clock: Callable[[], float] = monotonic) -> None:
        """Raises DataError, OSError."""
        self.path = lesson_path(path)
        self._clock = clock
        self._begin = clock()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        except FileExistsError:
            raise DataError(f"{path}: there is such a file already; a recording never replaces one") from None
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None
        self._file = open(descriptor, "w", encoding="utf-8")  # noqa: SIM115
        self._written = 0
        #: The last state and when it was written; the number of runs, and the last numbers and network and their times.
        self._state: tuple[str, float] = ("", -math.inf)
        #: Whose network was recorded last.
        self.trainer: Trainer | None = None
        self._run = 0
        self._progress: tuple[float, dict[str, Any] | None] = (-math.inf, None)
        self._network: tuple[float, int, str] = (-math.inf, -1, "")
        self._line(Header(title, __version__).line())

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._begin

    @property
    def full(self) -> bool:
        """Whether a lesson may not be longer."""
        return self._written > MAX_BYTES // 4 * 3 or self.seconds > MAX_SECONDS - 60

    def did(self, id: str, name: str, key: str, screen: str) -> None:
        """A command was run."""
        self._event("do", {"id": id, "name": name, "key": key, "screen": screen})

    def note(self, text: str) -> None:
        """The author says something to the viewer; "": no longer."""
        self._event("note", text[:MAX_NOTE])

    def state(self, state: Mapping[str, Any]) -> None:
        """What is shown now; it is written if it is new."""
        line = json.dumps(_finite(state), ensure_ascii=False)
        if line != self._state[0] or self.seconds - self._state[1] > AGAIN:
            self._state = line, self.seconds
            self._event("state", _finite(state))

    # The run.

    def progress(self, trainer: Trainer, status: str = "") -> None:
        """The numbers of the run, with its status or another one."""
        time, last = self._progress
        if trainer is not self.trainer or self.seconds - time < PROGRESS_EVERY:
            return
        snapshot = trainer.snapshot()
        now: dict[str, Any] = {"run": self._run, "status": status or snapshot.status}
        for name in PROGRESS:
            now[name] = _finite(getattr(snapshot, name))
        if now != last:
            self._progress = self.seconds, now
            self._event("train", now)

    def wants_network(self, trainer: Trainer, size: int, screen: str) -> bool:
        """Whether the network, of about ``size`` bytes, is new, and it is time for it: sooner on another screen."""
        if trainer is not self.trainer:
            return True
        time, step, shown = self._network
        pause = max(NETWORK_EVERY, size / (BYTES_PER_SECOND if screen == shown else 4 * BYTES_PER_SECOND))
        room = self._written + size < MAX_BYTES // 2
        return room and self.seconds - time >= pause and step != trainer.snapshot().step

    def knows_older(self, trainer: Trainer) -> bool:
        """Whether the run has gone on since its network was recorded."""
        return trainer is self.trainer and self._network[1] != trainer.snapshot().step

    def network(self, trainer: Trainer, content: bytes, step: int, screen: str = "") -> None:
        """The network after ``step`` steps, as a checkpoint's bytes, for ``screen``.

        Raises DataError if no lesson can hold it.
        """
        if len(content) * 4 // 3 > MAX_NETWORK - MAX_LINE:
            raise DataError(f"a network of {len(content) >> 20} MB is too large for a lesson")
        if trainer is not self.trainer:
            self.trainer, self._run = trainer, self._run + 1
        self._network = self.seconds, step, screen
        encoded = base64.b64encode(content).decode()
        self._event("net", {"run": self._run, "step": step, "checkpoint": encoded})

    def close(self) -> None:
        """Ends the recording; nothing more is written."""
        if not self._file.closed:
            self._event("end", None)
            self._file.close()

    def _event(self, kind: str, value: object) -> None:
        self._line(json.dumps([round(self.seconds, 3), kind, value], ensure_ascii=False, allow_nan=False))

    def _line(self, line: str) -> None:
        """One line, at once and as a whole. Raises OSError."""
        if not self._file.closed:
            self._file.write(line + "\n")
            self._file.flush()
            self._written += len(line) + 1


def _finite(value: Any) -> Any:
    """The same in JSON: None for NaN and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(entry) for name, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list | tuple) else value


def network_bytes(trainer: Trainer) -> tuple[bytes, int]:
    """A run's checkpoint and its step; waits for the training thread. Raises LabError, OSError."""
    with tempfile.TemporaryDirectory(prefix="lstm-lab-") as folder:
        path = Path(folder) / "recorded.safetensors"
        trainer.save(str(path))
        step = trainer.snapshot().saved_step
        if step is None:
            raise LabError("the network could not be recorded")
        return path.read_bytes(), step


def network_size(trainer: Trainer) -> int:
    """About how many bytes a network's event takes: four times its weights, in base64."""
    return trainer.model.config.num_parameters * 4 * 4 * 4 // 3
