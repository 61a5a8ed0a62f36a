"""The course as one learner meets it: what the command line and the lab's screen do, apart from drawing."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lstm_ext.errors import DataError, StateError
from lstm_ext.files import write_atomically

from .catalogue import Exercise, Prediction, exercises
from .check import Check
from .grading.report import Report
from .progress import Measured, Progress
from .questions.model import Question, answers_of, questions_of
from .questions.sheet import read_sheet, with_answer
from .workspace import DEFAULT_FOLDER, Workspace, starter

#: Bytes of a file that are looked at
_MOST = 1_000_000
#: ``later``: an exercise that should come first has not been passed. It may be started all the same.
Standing = Literal["passed", "started", "open", "later"]


@dataclass(frozen=True)
class Checked:
    """A check that came to its end, and what follows from it."""

    exercise: Exercise
    file: Path
    report: Report
    #: Measured numbers that the learner may see; a number without a guess waits for one
    revealed: dict[str, Measured]
    #: True if it passed for the first time, and the exercises that this opens
    first_pass: bool = False
    opened: tuple[Exercise, ...] = ()


@dataclass(frozen=True)
class Hint:
    """One of the hints for the rung that is broken."""

    rung: str
    #: From 1
    level: int
    levels: int
    text: str


class Course:
    """The exercises, the learner's folder and the learner's progress."""

    def __init__(self, progress: Progress | None = None, folder: Path | None = None) -> None:
        """``folder`` is remembered; None: the one that is remembered, or else ``./lstm-exercises``."""
        self.progress = progress or Progress()
        self.workspace = Workspace(folder or self.progress.folder or Path(DEFAULT_FOLDER).absolute())
        if folder is not None:
            self.progress.remember_folder(folder)

    def standings(self) -> dict[str, Standing]:
        """Where the learner is with each exercise."""
        records = self.progress.records()
        passed = {identifier for identifier, record in records.items() if record.passed}

        def standing(exercise: Exercise) -> Standing:
            if exercise.id in passed:
                return "passed"
            if exercise.id in records and records[exercise.id].started:
                return "started"
            return "open" if passed.issuperset(exercise.requires) else "later"

        return {exercise.id: standing(exercise) for exercise in exercises().values()}

    def next(self) -> Exercise | None:
        """What to do now: what was begun first, or else the first that is open; None: all is passed."""
        standings = self.standings()
        for wanted in ("started", "open", "later"):
            for exercise in exercises().values():
                if standings[exercise.id] == wanted:
                    return exercise
        return None

    def start(self, exercise: Exercise) -> tuple[Path, bool]:
        """Put the starter into the learner's folder: the file, and whether it is new. Raises DataError."""
        path, new = self.workspace.start(exercise)
        self.progress.remember_folder(self.workspace.folder)
        self.progress.start(exercise.id)
        return path, new

    def reset(self, exercise: Exercise) -> tuple[Path, Path | None]:
        """Begin anew: the file, and the name under which the old one is kept. Raises DataError."""
        paths = self.workspace.reset(exercise)
        self.progress.remember_folder(self.workspace.folder)
        self.progress.start(exercise.id)
        return paths

    def file(self, exercise: Exercise) -> Path:
        """The learner's file. Raises StateError if there is none."""
        if found := self.workspace.find(exercise):
            return found
        raise StateError(
            f"{exercise.id}: no file for it in {self.workspace.folder}; `lstm-lab learn start {exercise.id}` puts one "
            "there, and --folder DIR says where yours are"
        )

    def check(
        self,
        exercise: Exercise,
        file: Path,
        *,
        reveal: bool = False,
        progress: Callable[[str], None] = lambda rung: None,
    ) -> Checked:
        """Check a file, and keep the result; ``progress`` hears the name of each rung as it is tried."""
        content = digest(file)
        report = Check(exercise, file, progress=progress).run()
        return self.keep(exercise, file, content, report, reveal=reveal)

    def keep(self, exercise: Exercise, file: Path, content: str, report: Report, *, reveal: bool = False) -> Checked:
        """Keep the result of a check of a file with this ``content``, which is a :func:`digest`.

        ``reveal`` shows measured numbers also without a guess.
        """
        before = self.standings()
        revealed = self.progress.attempt(report, content, reveal=reveal)
        if not report.passed or before[exercise.id] == "passed":
            return Checked(exercise, file, report, revealed)
        passed = {identifier for identifier, standing in before.items() if standing == "passed"} | {exercise.id}
        opened = (e for e in exercises().values() if exercise.id in e.requires and passed.issuperset(e.requires))
        return Checked(exercise, file, report, revealed, True, tuple(e for e in opened if e.id not in passed))

    def answer(self, exercise: Exercise, name: str, answer: str | Sequence[bool]) -> Path:
        """Write the answer to one question into the learner's sheet, which is started if there is none.

        ``answer`` is a text, or for the points of an essay whether each holds. Returns the file. Raises DataError.
        """
        path = self.workspace.find(exercise) or self.start(exercise)[0]
        try:
            content = path.read_bytes()
            mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
            new = with_answer(content[len(mark) :].decode(), name, answer)
            if isinstance(answer, str) and (read_sheet(new)[name].text or "") != answer.strip():
                raise DataError(f"{path}: this cannot be written there as an answer; edit the file")
            write_atomically(path, mark + new.encode())
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            raise DataError(f"{path}{where}: cannot be read as Python, so nothing was written; edit the file") from None
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None
        return path

    def given(self, exercise: Exercise) -> dict[str, str]:
        """What the learner's sheet says, by question; empty if there is none that can be read."""
        path = self.workspace.find(exercise)
        try:
            found = read_sheet(path.read_text(encoding="utf-8-sig")) if path else {}
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return {}
        return {name: given.text for name, given in found.items() if given.text is not None}

    def untouched(self, exercise: Exercise, file: Path) -> bool:
        """Whether the file is as it was at the beginning."""
        try:
            return file.read_text(encoding="utf-8") == starter(exercise)
        except (OSError, UnicodeError):
            return False

    def broken_rung(self, exercise: Exercise, file: Path) -> str | None:
        """The rung that was broken when this file was checked last; None if it has changed since, or passed."""
        attempts = self.progress.record(exercise.id).attempts
        return attempts[-1].rung or None if attempts and attempts[-1].content == digest(file) else None

    def hint(self, exercise: Exercise, rung: str) -> Hint | None:
        """The next hint for a broken rung, or the last one again; None if there is none for it."""
        levels = hints(exercise, rung)
        if not levels:
            return None
        level = min(len(levels), self.progress.record(exercise.id).hints.get(rung, 0) + 1)
        self.progress.hint(exercise.id, rung, level)
        return Hint(rung, level, len(levels), levels[level - 1].strip())

    def solution_is_open(self, exercise: Exercise) -> bool:
        """Whether the learner has passed or given up."""
        record = self.progress.record(exercise.id)
        return bool(record.passed or record.gave_up)

    def solution(self, exercise: Exercise) -> str:
        """The solution. Raises StateError before the learner has passed or given up."""
        if not self.solution_is_open(exercise):
            raise StateError(
                f"{exercise.id}: the solution opens when you pass, or with "
                f"`lstm-lab learn solution {exercise.id} --give-up`"
            )
        self.progress.saw_solution(exercise.id)
        return _answers(exercise) if exercise.kind == "questions" else exercise.solution


def hints(exercise: Exercise, rung: str) -> tuple[str, ...]:
    """The hints for one rung, or one question."""
    if exercise.kind == "code":
        return exercise.hints.get(rung, ())
    return next((question.hints for question in questions_of(exercise) if question.name == rung), ())


def unit_of(exercise: Exercise, prediction: str) -> str:
    """The unit of a measured number; empty if it has none."""
    known: tuple[Prediction | Question, ...] = (
        exercise.predictions if exercise.kind == "code" else questions_of(exercise)
    )
    return next((each.unit for each in known if each.name == prediction), "")


def digest(file: Path) -> str:
    """What stands in the file (its first megabyte), in few characters; empty if it cannot be read."""
    try:
        with open(file, "rb") as content:
            return hashlib.sha256(content.read(_MOST)).hexdigest()[:16]
    except OSError:
        return ""


def _answers(exercise: Exercise) -> str:
    """The right answers with their reasons, as text."""
    parts = []
    for question in questions_of(exercise):
        answer = answers_of(exercise).get(question.name)
        if answer is None:  # a prediction has no right answer
            continue
        right = str(answer.right) or "\n".join(f"  - {point}" for point in answer.points)
        chosen = [f"  {letter}) {question.options[letter]}" for letter in right if letter in question.options]
        lines = [f"{question.name}: {question.prompt.strip()}", *(chosen or [f"  {right.strip()}"])]
        parts.append("\n".join([*lines, *([answer.because.strip()] if answer.because else [])]))
    return "\n\n".join(parts) + "\n"
