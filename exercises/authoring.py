"""Proof that an exercise holds: the starter fails as declared, every right way passes, every mutant is named.

``lstm-lab learn author-check`` runs it for every exercise.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from .catalogue import Exercise, read_exercise
from .grading.inline import InlineRunner
from .grading.ladder import FIXED_SEEDS, NAMES, RUNS, Ladder
from .grading.report import Report
from .questions.proof import sheet_complaints
from .ways import rewritings

HEADINGS = ("## What and why", "## Equations", "## By hand", "## Task", "## You are done when")
MIN_MUTANTS = 8
MIN_WAYS = 10
SEEDS_TO_TRAIN = 2


@dataclass(frozen=True)
class Complaint:
    """Something about an exercise that does not hold."""

    exercise: str
    #: What was tried: ``starter``, ``solution, seed 3``, ``mutant by-value``, ``way loop`` …
    tried: str
    message: str


@dataclass(frozen=True)
class Proof:
    """What was tried for one exercise, and what does not hold."""

    exercise: str
    mutants: int
    #: Ways of being right that differ from the solution
    ways: int
    complaints: tuple[Complaint, ...]


def prove(exercises: Sequence[Exercise], seeds: int = 20, jobs: int = 1) -> Iterator[Proof]:
    """Check each exercise, in ``jobs`` processes; the proofs come in the order in which they end."""
    if jobs == 1:
        yield from (_prove(exercise.id, seeds) for exercise in exercises)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_prove, exercise.id, seeds) for exercise in exercises]
        try:
            for future in as_completed(running):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _prove(identifier: str, seeds: int) -> Proof:
    exercise = read_exercise(identifier)
    complaints = tuple(check_exercise(exercise, seeds))
    if exercise.kind != "code":
        return Proof(identifier, 0, 0, complaints)
    return Proof(identifier, len(exercise.mutants), len(ways_of(exercise)), complaints)


def check_exercise(exercise: Exercise, seeds: int = 20) -> list[Complaint]:
    """Everything that does not hold for one exercise. Its code is the project's own, and runs in this process."""
    return [Complaint(exercise.id, tried, message) for tried, message in _complaints(exercise, seeds)]


def ladder_of(exercise: Exercise) -> Ladder:
    """The exercise's ladder."""
    return Ladder(exercise.checks.NAMES, exercise.checks.RUNGS, exercise.solution, exercise.mutants)


def _complaints(exercise: Exercise, seeds: int) -> Iterator[tuple[str, str]]:
    yield from _text_complaints(exercise)
    if exercise.kind == "questions":
        yield from sheet_complaints(exercise)
        return
    ladder = ladder_of(exercise)
    # What trains is tried where code differs, not for every seed and rewriting: it takes seconds.
    quick = Ladder(ladder.names, [rung for rung in ladder.rungs if rung.reference], exercise.solution, ())

    def climb(source: str, seed: int, ladder: Ladder = ladder) -> Report:
        return ladder.climb(exercise.id, InlineRunner(source, [rung.probe for rung in ladder.rungs]), seed)

    for starter in exercise.starters:
        broken = climb(starter, 1).broken
        failed = (broken.name, broken.finding.code) if broken and broken.finding else ("", "")
        if failed != exercise.starter_fails:
            yield "starter", f"fails at {failed}, declared is {exercise.starter_fails}"
    for seed in range(seeds):
        if broken := climb(exercise.solution, seed, ladder if seed < SEEDS_TO_TRAIN else quick).broken:
            yield f"solution, seed {seed}", f"fails at {broken.name}: {broken.finding}"
    yield from _mutant_complaints(exercise, ladder, climb)
    ways = ways_of(exercise)
    if len(ways) < MIN_WAYS:
        yield "ways", f"{len(ways)} other ways of being right, wanted are {MIN_WAYS}"
    written = _written_ways(exercise)
    for name, source in ways.items():
        with contextlib.redirect_stdout(io.StringIO()):  # one of them prints
            broken = climb(source, 2, ladder if name in written else quick).broken
        if broken:
            yield f"way {name}", f"fails at {broken.name}: {broken.finding}"


def _mutant_complaints(
    exercise: Exercise, ladder: Ladder, climb: Callable[[str, int], Report]
) -> Iterator[tuple[str, str]]:
    if len(exercise.mutants) < MIN_MUTANTS:
        yield "mutants", f"{len(exercise.mutants)}, wanted are {MIN_MUTANTS}"
    names = [mutant.id for mutant in exercise.mutants]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        yield f"mutant {twice}", "the id is there twice"
    for mutant in exercise.mutants:
        tried = f"mutant {mutant.id}"
        source = mutant.apply(exercise.solution)
        if source is None:
            yield tried, "an edit's first text is not in the solution exactly once"
            continue
        broken = climb(source, 5).broken
        if broken is None or broken.finding is None:
            yield tried, "passes"
            continue
        if (broken.name, broken.finding.code) != (mutant.rung, mutant.id):
            yield tried, f"caught at {broken.name} as {broken.finding.code}, declared is {mutant.rung}"
            continue
        for other in ladder.matches(InlineRunner(source, [r.probe for r in ladder.rungs]), mutant.rung, FIXED_SEEDS[0]):
            if other.id != mutant.id:
                yield tried, f"shows the same as {other.id}: merge them, or find a probe that tells them apart"


def _text_complaints(exercise: Exercise) -> Iterator[tuple[str, str]]:
    for heading in HEADINGS if exercise.kind == "code" else HEADINGS[:1]:
        if f"\n{heading}\n" not in exercise.text:
            yield "text", f"has no heading {heading!r}"
    if exercise.kind == "code":
        rungs = {rung.name for rung in exercise.checks.RUNGS}
        if missing := rungs - set(exercise.hints) - {RUNS, NAMES}:
            yield "hints", f"none for {', '.join(sorted(missing))}"
        if unknown := set(exercise.hints) - rungs:
            yield "hints", f"for rungs that are not there: {', '.join(sorted(unknown))}"
    for rung, levels in exercise.hints.items():
        if len(levels) != 3 or not all(level.strip() for level in levels):
            yield "hints", f"{rung}: wanted are three levels"


def ways_of(exercise: Exercise) -> dict[str, str]:
    """Right programs that differ from the solution: rewritings of it, and those by hand, which stay in the sources."""
    return dict(rewritings(exercise.solution)) | _written_ways(exercise)


def _written_ways(exercise: Exercise) -> dict[str, str]:
    folder: Path = exercise.folder / "private" / "ways"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
