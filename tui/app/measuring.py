"""An experiment that is being measured, in a process of its own, which is `lstm-lab experiment --events`.

Its runs would be other processes of the lab's otherwise, and those cannot be started while Textual has the standard
streams. The process ends with the lab, however that ends: it holds the other end of a pipe.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any, Literal

from lstm_ext.experiments import Results
from lstm_ext.experiments.runner import Measured

State = Literal["starting", "measuring", "done", "stopped", "failed"]
#: A variant, and a seed.
Run = tuple[str, int]
#: Seconds that the process has to end by itself.
GRACE = 3.0
#: What the process does: nothing is imported from the present folder, where somebody's json.py may lie.
_PROGRAM = "import sys; sys.path[:] = filter(None, sys.path); from lstm_lab.cli.child import child; child()"


@dataclass(frozen=True)
class Progress:
    """How far the measuring is."""

    #: The arguments of `lstm-lab experiment`, the name first.
    arguments: tuple[str, ...]
    state: State = "starting"
    quick: bool = False
    jobs: int = 1
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: All runs, in the order in which they begin.
    planned: tuple[Run, ...] = ()
    done: Mapping[Run, Measured] = field(default_factory=dict)
    #: How many of them were there before.
    kept: int = 0
    #: When those under way began, by ``time.monotonic``.
    began: Mapping[Run, float] = field(default_factory=dict)
    started: float = 0.0
    ended: float = 0.0
    #: Why it failed.
    problem: str = ""

    @property
    def name(self) -> str:
        """The experiment's."""
        return self.arguments[0]

    @property
    def running(self) -> bool:
        """Whether it is not over."""
        return self.state in ("starting", "measuring")

    @property
    def under_way(self) -> list[Run]:
        """The runs that are being measured: they begin in their order, one in each process."""
        if self.state != "measuring":
            return []
        return [run for run in self.planned if run not in self.done][: self.jobs]

    @property
    def seeds(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(dict.fromkeys(seed for _, seed in self.planned))

    @property
    def whole_seeds(self) -> tuple[int, ...]:
        """Those with which every variant is measured."""
        missing = {seed for label, seed in self.planned if (label, seed) not in self.done}
        return tuple(seed for seed in self.seeds if seed not in missing)

    @property
    def results(self) -> Results:
        """What is measured, of the whole seeds."""
        cells = {run: measured.numbers for run, measured in self.done.items()}
        return Results(self.variants, self.whole_seeds, cells, self.quick)

    def seconds(self, now: float) -> float:
        """Since it was started."""
        return (now if self.running else self.ended) - self.started

    def seconds_left(self, now: float) -> float | None:
        """As long as the runs of the same variant took; None while no run is known."""
        if not self.done or not self.running:
            return None
        known: dict[str, list[float]] = {}
        for (label, _), measured in self.done.items():
            known.setdefault(label, []).append(measured.seconds)
        every = [seconds for own in known.values() for seconds in own]
        typical = sum(every) / len(every)
        left = 0.0
        for label, seed in self.planned:
            if (label, seed) in self.done:
                continue
            own = known.get(label)
            expected = sum(own) / len(own) if own else typical
            left += max(0.0, expected - (now - self.began.get((label, seed), now)))
        return left / self.jobs


class Measuring:
    """Starts the process, and reads what it says in a thread."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """``arguments``: those of `lstm-lab experiment`. Raises OSError where there can be no other process."""
        self._progress = Progress(tuple(arguments), started=time.monotonic())
        self._cancelled = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        command = [sys.executable, "-X", "utf8", "-c", _PROGRAM, "experiment", *arguments, "--events"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
        )
        self._thread = threading.Thread(target=self._read, name="lab-measuring", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        return self._progress

    def cancel(self) -> None:
        """End it and its processes; finished runs are kept. Nothing waits for it."""
        if self._progress.running and not self._cancelled:
            self._cancelled = True
            with contextlib.suppress(OSError):
                self._process.terminate()
            threading.Thread(target=self._end, name="lab-measuring-end", daemon=True).start()

    def _end(self) -> None:
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its processes end with it

    def wait(self, seconds: float | None = None) -> None:
        """Until it is over, at most so long."""
        self._thread.join(seconds)

    def _read(self) -> None:
        assert self._process.stdout is not None
        ended = False
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            ended = ended or event["event"] == "end"
            self._progress = self._after(event)
        status = self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode("utf-8", "replace").strip().split("\n")
        self._errors.close()
        state: State = "done" if ended and status == 0 else "stopped" if self._cancelled else "failed"
        problem = ""
        if state == "failed":
            problem = errors[-1].removeprefix("lstm-lab: ").removeprefix("error: ") or f"it ended with status {status}"
        self._progress = replace(self._progress, state=state, problem=problem, ended=time.monotonic())

    def _after(self, event: Mapping[str, Any]) -> Progress:
        progress = self._progress
        if event["event"] == "plan":
            progress = replace(
                progress,
                state="measuring",
                quick=event["quick"],
                jobs=event["jobs"],
                variants=event["variants"],
                planned=tuple((label, seed) for label, seed in event["runs"]),
            )
        elif event["event"] == "run":
            run = (event["variant"], event["seed"])
            done = {**progress.done, run: Measured(event["numbers"], event["seconds"])}
            progress = replace(progress, done=done, kept=progress.kept + event["kept"])
        now = time.monotonic()
        return replace(progress, began={run: progress.began.get(run, now) for run in progress.under_way})
