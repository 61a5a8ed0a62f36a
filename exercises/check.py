"""Checking a learner's file: the sandbox runs it, the ladder judges it, and what fails here is not their fault."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .catalogue import Exercise
from .grading.inline import syntax_crash
from .grading.ladder import RUNS, Ladder, crash_finding
from .grading.recording import Crash
from .grading.report import Finding, Report, RungResult
from .grading.student import StudentError
from .questions.grade import grade_sheet
from .sandbox.runner import Cancelled, GraderError, SandboxRunner

__all__ = ["Cancelled", "Check", "check"]


class Check:
    """One attempt, which another thread may cancel."""

    def __init__(
        self,
        exercise: Exercise,
        file: Path,
        *,
        seed: int | None = None,
        progress: Callable[[str], None] = lambda rung: None,
    ) -> None:
        self._exercise = exercise
        self._seed = secrets.randbelow(2**31) if seed is None else seed
        self._progress = progress
        self._runner = SandboxRunner(file, exercise)

    def run(self) -> Report:
        """Climb the ladder with the file as it was when this object was made. Raises Cancelled."""
        try:
            with self._runner:
                return self._graded()
        except Cancelled:
            raise
        except Exception as error:
            return _failed(self._exercise.id, self._seed, error)

    def cancel(self) -> None:
        """End the attempt at once; ``run`` raises Cancelled. From any thread."""
        self._runner.close()

    def _graded(self) -> Report:
        exercise = self._exercise
        if exercise.kind == "questions":
            return self._sheet()
        ladder = Ladder(exercise.checks.NAMES, exercise.checks.RUNGS, exercise.solution, exercise.mutants)
        guessed = self._guesses()
        report = ladder.climb(exercise.id, self._runner, self._seed, self._progress)
        return replace(report, guessed=guessed, confinement=str(self._runner.confinement or ""))

    def _sheet(self) -> Report:
        """Answers to questions: they are read, and nothing is executed."""
        source = self._runner.source
        if not isinstance(source, Crash):
            try:
                return grade_sheet(self._exercise, source, self._seed)
            except SyntaxError as error:
                source = syntax_crash(error)
        return Report(self._exercise.id, self._seed, (RungResult(RUNS, "failed", crash_finding(source)),))

    def _guesses(self) -> dict[str, float]:
        """Read in the sandbox: a text can be made so that it crashes the parser."""
        if not self._exercise.predictions or not isinstance(self._runner.source, str):
            return {}
        try:
            found = self._runner.request("sandbox.guesses:guesses_in", [self._runner.source])
        except StudentError:  # the ladder says what is the matter
            return {}
        names = [prediction.name for prediction in self._exercise.predictions]
        return {name: found[name] for name in names if isinstance(found.get(name), float)}


def check(
    exercise: Exercise,
    file: Path,
    *,
    seed: int | None = None,
    progress: Callable[[str], None] = lambda rung: None,
) -> Report:
    """Check ``file`` against ``exercise``; ``progress`` hears the name of each rung as it is tried.

    Without ``seed`` the random numbers are new in every attempt. Raises nothing: where the grader itself fails, the
    report says so (``grader_failed``) and has the traceback.
    """
    return Check(exercise, file, seed=seed, progress=progress).run()


def _failed(exercise: str, seed: int, error: Exception) -> Report:
    trace = str(error) if isinstance(error, GraderError) else "".join(traceback.format_exception(error))
    what = trace.strip().splitlines()[-1][:200]
    finding = Finding(
        "grader",
        f"The grader itself failed; this is not your mistake ({what}).",
        next="Your file stays as it is. Please report this.",
    )
    return Report(exercise, seed, (RungResult("grader", "failed", finding),), grader_failed=True, trace=trace)
