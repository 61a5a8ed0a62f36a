"""A check from the file to the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_lab.exercises.catalogue import Exercise, exercises
from lstm_lab.exercises.check import check


@pytest.fixture
def clipping() -> Exercise:
    """The exercise on clipping."""
    return exercises()["clip_gradients"]


def test_the_solution_passes_in_the_sandbox(clipping: Exercise, tmp_path: Path) -> None:
    file = tmp_path / clipping.file
    file.write_text(clipping.solution)
    tried: list[str] = []
    report = check(clipping, file, progress=tried.append)
    assert report.passed and not report.grader_failed
    assert tried == [rung.name for rung in report.rungs]
    assert "limits on time" in report.confinement
    assert sorted(path.name for path in tmp_path.iterdir()) == [clipping.file]


def test_every_attempt_has_its_own_random_numbers(clipping: Exercise, tmp_path: Path) -> None:
    assert check(clipping, tmp_path / "none.py").seed != check(clipping, tmp_path / "none.py").seed
    assert check(clipping, tmp_path / "none.py", seed=5).seed == 5


def test_a_known_mistake_is_named(clipping: Exercise, tmp_path: Path) -> None:
    file = tmp_path / clipping.file
    mutant = clipping.mutants[0]
    file.write_text(mutant.apply(clipping.solution) or "")
    broken = check(clipping, file).broken
    assert broken is not None and broken.finding is not None
    assert (broken.name, broken.finding.code, broken.finding.cause) == (mutant.rung, mutant.id, mutant.cause)


def test_an_error_of_the_grader_is_not_the_learners(
    clipping: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / clipping.file
    file.write_text(clipping.solution)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("lstm_lab.exercises.check.Ladder.climb", broken)
    report = check(clipping, file)
    assert report.grader_failed and not report.passed
    assert report.broken is not None and report.broken.finding is not None
    assert report.broken.finding.message == (
        "The grader itself failed; this is not your mistake (ZeroDivisionError: ours)."
    )
    assert "def broken" not in report.broken.finding.message and "ZeroDivisionError" in report.trace
