"""What a learner has done, kept in one JSON file: a map from exercise ids to what happened there.

Ids and fields that this version does not know are kept as they are, so that the file outlives up- and downgrades.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from lstm_ext import __version__
from lstm_ext.errors import CheckpointError
from lstm_ext.files import keep_aside, write_atomically
from lstm_ext.lock import waiting

from .grading.report import Report

FORMAT = "lstm-lab progress 1"
#: The longest pause between two events that counts as work, in seconds
LONGEST_PAUSE = 15 * 60


@dataclass(frozen=True)
class Attempt:
    """One check that came to its end. Times are ISO 8601 in UTC."""

    at: str
    passed: bool
    #: The first rung that was broken, and the finding's code; empty if it passed
    rung: str = ""
    code: str = ""
    #: What stood in the file, as a short digest
    content: str = ""


@dataclass(frozen=True)
class Measured:
    """A number of the exercise as it was first revealed, and the guess that stood in the file before; or None."""

    measured: float
    guess: float | None = None


@dataclass(frozen=True)
class Record:
    """What happened with one exercise. Times are ISO 8601 in UTC, or empty."""

    started: str = ""
    passed: str = ""
    gave_up: str = ""
    solution_seen: str = ""
    #: An estimate of the work until it was passed: the time between a check or a hint and the event before it, whatever
    #: exercise that was about, each pause counted with at most 15 minutes
    seconds: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    #: How many levels of hints were seen, by rung
    hints: Mapping[str, int] = field(default_factory=dict)
    predictions: Mapping[str, Measured] = field(default_factory=dict)


class Progress:
    """The file. Every question reads it and every event writes it, so that several processes may share it.

    A file that cannot be read or written never stops the learner: what is the matter is added to :attr:`notices`.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.path = path or user_state_path("lstm-lab", appauthor=False) / "progress.json"
        self._clock = clock
        #: Sentences that the learner should read; a front end shows and clears them
        self.notices: list[str] = []

    def records(self) -> dict[str, Record]:
        """What happened, by the exercise's id; ids of other versions included."""
        return {identifier: _record(entry) for identifier, entry in self._read()["exercises"].items()}

    def record(self, exercise: str) -> Record:
        """What happened with one exercise."""
        return self.records().get(exercise, Record())

    @property
    def folder(self) -> Path | None:
        """The learner's folder, if one is remembered."""
        folder = self._read().get("folder")
        return Path(folder) if isinstance(folder, str) and folder else None

    def remember_folder(self, folder: Path) -> None:
        """Keep where the learner's files are."""
        if folder.absolute() != self.folder:
            with self._changing() as state:
                state["folder"] = str(folder.absolute())

    def start(self, exercise: str) -> None:
        """The learner got the starter."""
        with self._event(exercise, working=False):
            pass

    def attempt(self, report: Report, content: str = "", *, reveal: bool = False) -> dict[str, Measured]:
        """A check came to its end; returns the measured numbers that the learner may see.

        ``content`` is a digest of the file: checking the same file again with the same result is no other attempt,
        and a check in which the grader failed is none. A number is revealed when a guess stands in the file, or with
        ``reveal``; what stood there then is the guess, whatever is written later.
        """
        if report.grader_failed:
            return {}
        broken = report.broken
        entry: dict[str, Any] = {"at": self._now(), "passed": report.passed, "seed": report.seed}
        if broken is not None:
            entry |= {"rung": broken.name, "code": broken.finding.code if broken.finding else ""}
        if content:
            entry["content"] = content
        entry |= {"seconds": round(sum(rung.seconds for rung in report.rungs), 3), "version": __version__}
        revealed: dict[str, Any] = {}
        with self._event(report.exercise) as record:
            attempts = record.setdefault("attempts", [])
            if not (content and attempts and _same(attempts[-1], entry)):
                attempts.append(entry)
            if report.passed and not record.get("passed"):
                record["passed"] = entry["at"]
            revealed = record.setdefault("predictions", {})
            for name, value in report.measured.items():
                if reveal or name in report.guessed:
                    revealed.setdefault(name, {"measured": value, "guess": report.guessed.get(name)})
        return {name: _measured(revealed[name]) for name in report.measured if name in revealed}

    def hint(self, exercise: str, rung: str, level: int) -> None:
        """The learner saw the hints for a rung up to ``level``."""
        with self._event(exercise) as record:
            hints = record.setdefault("hints", {})
            hints[rung] = max(level, hints.get(rung, 0))

    def give_up(self, exercise: str) -> None:
        """The learner asked for the solution without having passed."""
        with self._event(exercise) as record:
            record.setdefault("gave_up", self._now())

    def saw_solution(self, exercise: str) -> None:
        """The learner saw the solution."""
        with self._event(exercise) as record:
            record.setdefault("solution_seen", self._now())

    @contextlib.contextmanager
    def _event(self, exercise: str, *, working: bool = True) -> Iterator[dict[str, Any]]:
        """The record of ``exercise``, to be changed; the time since the event before is added, if it was work."""
        with self._changing() as state:
            record: dict[str, Any] = state["exercises"].setdefault(exercise, {})
            now, before = self._clock(), state.get("last_event")
            if working and not record.get("passed") and isinstance(before, int | float):
                pause = min(max(0.0, now - before), LONGEST_PAUSE)
                record["seconds"] = round(record.get("seconds", 0.0) + pause, 1)
            record.setdefault("started", self._now())
            state["last_event"] = now
            yield record

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The whole file, to be changed; it is written at the end."""
        changing = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with waiting(self.path):
                state = self._load()
                changing = True
                yield state
                write_atomically(self.path, json.dumps(state, indent=1, ensure_ascii=False) + "\n", mode=0o600)
        except (OSError, CheckpointError) as error:
            self._notice(f"progress is not kept: {_problem(error, self.path)}")
            if not changing:
                yield _empty()

    def _read(self) -> dict[str, Any]:
        try:
            with waiting(self.path):
                return self._load()
        except (OSError, CheckpointError) as error:
            self._notice(f"progress cannot be read: {_problem(error, self.path)}")
            return _empty()

    def _load(self) -> dict[str, Any]:
        """What the file says. If it is damaged, it is kept under another name, and whatever is whole is used."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return _empty()
        try:
            state = json.loads(content)
        except (ValueError, RecursionError):
            state = None
        if not isinstance(state, dict) or not isinstance(state.get("exercises"), dict):
            self._set_aside("nothing in it can be read, so progress begins anew")
            return _empty()
        damaged = [name for name, record in state["exercises"].items() if not _whole(record)]
        if damaged:
            self._set_aside(f"what it says about {', '.join(damaged)} makes no sense and is left out")
            for name in damaged:
                del state["exercises"][name]
            write_atomically(self.path, json.dumps(state, indent=1, ensure_ascii=False) + "\n", mode=0o600)
        return state

    def _set_aside(self, what: str) -> None:
        kept = keep_aside(self.path)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._notice(f"{self.path} is damaged: {what}; the file is kept as {Path(kept).name}")

    def _notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _empty() -> dict[str, Any]:
    return {"format": FORMAT, "exercises": {}}


def _problem(error: Exception, path: Path) -> str:
    return f"{path}: {error.strerror or error}" if isinstance(error, OSError) else str(error)


def _whole(entry: object) -> bool:
    """Whether the fields of a record that this version knows are what they should be."""
    try:
        _record(entry)  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError, KeyError):
        return False
    return True


def _record(entry: Mapping[str, Any]) -> Record:
    texts = {name: entry.get(name) or "" for name in ("started", "passed", "gave_up", "solution_seen")}
    attempts = entry.get("attempts", [])
    if not isinstance(attempts, list) or not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a field is of another kind")
    return Record(
        **texts,
        seconds=float(entry.get("seconds", 0.0)),
        attempts=tuple(Attempt(**_only(Attempt, attempt)) for attempt in attempts),
        hints={rung: int(level) for rung, level in entry.get("hints", {}).items()},
        predictions={name: _measured(both) for name, both in entry.get("predictions", {}).items()},
    )


def _measured(entry: Mapping[str, Any]) -> Measured:
    guess = entry.get("guess")
    return Measured(float(entry["measured"]), None if guess is None else float(guess))


def _same(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(before.get(name) == now.get(name) for name in ("content", "passed", "rung", "code"))


def _only(kind: type[Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``entry`` that ``kind`` has: other versions may have written more."""
    return {name: value for name, value in entry.items() if name in kind.__dataclass_fields__}
