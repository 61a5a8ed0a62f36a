"""Climbing: import, names, then the exercise's own rungs; the first broken one is explained, the rest are blocked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from .compare import finite_finding, purity_finding, shape_finding, value_finding
from .diagnose import Diagnosis
from .inline import InlineRunner, Runner
from .mutants import Mutant
from .recording import Crash, Recording
from .report import Finding, Report, RungResult
from .rungs import Rung
from .student import StudentError

#: Tries one rung: what is wrong, if anything is, and what was seen
Attempt: TypeAlias = Callable[[], tuple[Finding | None, Recording | None]]
#: The two rungs that every exercise begins with
RUNS, NAMES = "runs", "names"
#: The seeds that every attempt uses besides its own
FIXED_SEEDS = (11, 23)


class Ladder:
    """The rungs of one exercise, with the solution that they measure against.

    ``names`` are what the file must have, such as ``LSTMCell.forward(x, h_prev, c_prev)``.
    """

    def __init__(self, names: Sequence[str], rungs: Sequence[Rung], solution: str, mutants: Sequence[Mutant]) -> None:
        self.names = names
        self.rungs = rungs
        probes = [rung.probe for rung in rungs]
        self._reference = InlineRunner(solution, probes)
        if crash := self._reference.load():
            raise RuntimeError(f"the solution does not run: {crash.message}")
        self._diagnosis = Diagnosis(solution, mutants, rungs, _judged)

    def climb(
        self, exercise: str, runner: Runner, seed: int, progress: Callable[[str], None] = lambda name: None
    ) -> Report:
        """Check the file of ``runner``; ``progress`` hears the name of each rung as it is tried."""
        results: list[RungResult] = []
        measured: dict[str, float] = {}
        printed = ""
        broken = False
        for name, attempt in self._attempts(runner, seed):
            if broken:
                results.append(RungResult(name, "blocked"))
                continue
            progress(name)
            start = time.monotonic()
            finding, recording = attempt()
            if recording is not None:
                measured |= recording.revealed
                printed = recording.printed or printed
            broken = finding is not None
            results.append(RungResult(name, "failed" if broken else "passed", finding, time.monotonic() - start))
        return Report(exercise, seed, tuple(results), measured, printed=printed)

    def matches(self, runner: Runner, rung: str, seed: int) -> list[Mutant]:
        """The mutants that show the same as the file of ``runner`` at one rung."""
        index = next(index for index, each in enumerate(self.rungs) if each.name == rung)
        if runner.load():
            return []
        return self._diagnosis.matching(runner.probe(index, seed), index, seed)

    def _attempts(self, runner: Runner, seed: int) -> Iterator[tuple[str, Attempt]]:
        yield RUNS, lambda: (crash_finding(crash) if (crash := runner.load()) else None, None)
        yield NAMES, lambda: (self._names_finding(runner), None)
        for index, rung in enumerate(self.rungs):
            yield rung.name, partial(self._try, runner, index, rung, seed)

    def _names_finding(self, runner: Runner) -> Finding | None:
        for wanted in self.names:
            name, _, rest = wanted.partition("(")
            try:
                found = runner.signature(name)
            except StudentError as error:
                return crash_finding(error.crash)
            if not found.found:
                similar = f" There is {found.similar!r}: is that the one?" if found.similar else ""
                return Finding(
                    "name", f"Your file has no {name}.{similar}", wanted=wanted, next="Keep the names given."
                )
            if not rest:
                continue
            if not found.callable:
                return Finding("name", f"{name} cannot be called.", wanted=wanted)
            count = len([part for part in rest.rstrip(")").split(",") if part.strip()])
            if count < found.least or (found.most >= 0 and count > found.most):
                takes = f"{found.least}" if found.least == found.most else f"{found.least} to {found.most}"
                message = f"{name} takes {takes} argument{'s' * (takes != '1')}, wanted are {count}: {wanted}."
                advice = f"A method's first parameter is self; yours is {found.first}." if found.first else ""
                return Finding("signature", message, wanted=wanted, next=advice)
        return None

    def _try(self, runner: Runner, index: int, rung: Rung, seed: int) -> tuple[Finding | None, Recording]:
        for draw in (*FIXED_SEEDS, seed)[-rung.draws :]:
            got = runner.probe(index, draw)
            wanted = self._reference.probe(index, draw) if rung.reference else got
            if wanted.crash and wanted is not got:
                raise RuntimeError(f"the solution fails at {rung.name}: {wanted.crash.message}")
            finding = _judged(rung, got, wanted)
            if finding:
                if finding.code != "unwritten" and rung.reference:
                    finding = self._diagnosis.explain(finding, got, index, draw)
                return finding, got
        return None, got


def crash_finding(crash: Crash) -> Finding:
    """A crash as the learner reads it."""
    message, advice = _CRASHES[crash.kind]
    if crash.message.startswith("NameError: name 'np' "):
        advice = "Write import numpy as np at the top of the file."
    elif crash.message.startswith(("NameError", "UnboundLocalError")):
        advice = "Look at the line: is the name spelled as where it was made, and made before it is used?"
    text = message.format(crash.message.rstrip("."))
    if crash.message.endswith(("?", "!")):
        text = text.removesuffix(".")
    return Finding(crash.kind, text, crash.call, next=advice, line=crash.line, source=crash.source)


_CRASHES: dict[str, tuple[str, str]] = {
    "syntax": ("Python cannot read the file: {}.", "Look at the line, and at the one before it."),
    "encoding": ("The file's text cannot be read: {}.", "Save it as UTF-8."),
    "missing": ("The file cannot be read: {}.", ""),
    "empty": ("The file is empty: {}.", "Save your work, or begin again with `lstm-lab learn reset`."),
    "import": (
        "An import failed: {}.",
        "NumPy, lstm_ext and files beside yours can be imported. Check the names; two files cannot import each other.",
    ),
    "shadow": ("In your folder, {}.", "Give that file another name."),
    "patched": ("Your code changes what others need, too: {}.", "Give your own function another name."),
    "unwritten": ("This part is not written yet: {}.", "Replace the line by your code."),
    "raised": ("Your code stopped with an error: {}.", "Look at the line; printing shapes just before it often helps."),
    "input": ("Your code waits for somebody to type: {}.", "Nobody can: write the value into the file."),
    "exit": ("Your code ended the program: {}.", "Take the call out: the grader has to go on after it."),
    "recursion": ("Your code calls itself without end: {}.", "Look for a function that calls itself."),
    "time": ("Your code did not come to an end: {}.", "Look for a loop whose condition never becomes false."),
    "memory": ("Your code needs too much memory: {}.", "Look for an array that is larger than you think."),
    "output": ("Your code printed too much: {}.", "Take prints out of loops."),
    "denied": (
        "Your code touched something that the grader does not allow: {}.",
        "It may read and write in its own folder, without a network and without other programs.",
    ),
    "unusable": ("The check cannot continue with what your code returned: {}.", "Return what the task says."),
    "killed": ("Your code crashed the interpreter: {}.", ""),
}


def _judged(rung: Rung, got: Recording, wanted: Recording) -> Finding | None:
    if got.crash:
        found = differences_before_crash(got, wanted, rung)
        return found or crash_finding(got.crash)
    if callable(rung.judge):
        return rung.judge(got, wanted)
    match rung.judge:
        case "shape":
            return shape_finding(got, wanted)
        case "purity":
            return purity_finding(got, wanted, own_memory=rung.own_memory)
        case "finite":
            return finite_finding(got)
        case "values":
            return value_finding(got, wanted, rung.tolerance)


def differences_before_crash(got: Recording, wanted: Recording, rung: Rung) -> Finding | None:
    """A wrong shape that was seen before the crash explains it better than the crash."""
    seen = Recording({name: value for name, value in wanted.values.items() if name in got.values})
    return shape_finding(got, seen) if rung.judge in ("shape", "values") else None
