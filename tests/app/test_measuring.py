"""Measuring in another process: what is known meanwhile, and that nothing is left of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from lstm_ext.experiments.runner import Measured
from lstm_lab.app.measuring import Measuring, Progress


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Measuring]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    started: list[Measuring] = []

    def start(*arguments: str) -> Measuring:
        started.append(Measuring(arguments))
        return started[-1]

    yield start
    for measuring in started:
        measuring.cancel()
        measuring.wait(30)


def reaches(measuring: Measuring, condition: Callable[[Progress], object]) -> Progress:
    deadline = time.monotonic() + 60
    while not condition(measuring.progress):
        assert time.monotonic() < deadline, measuring.progress
        time.sleep(0.02)
    return measuring.progress


def gone(processes: Sequence[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=30)[1]


def test_an_experiment_is_measured(begin: Callable[..., Measuring]) -> None:
    measuring = begin("gradient-flow", "--quick", "--seeds", "2")
    assert measuring.progress.name == "gradient-flow" and measuring.progress.running
    measuring.wait(60)
    progress = measuring.progress
    assert (progress.state, len(progress.planned), progress.kept, progress.problem) == ("done", 14, 0, "")
    assert progress.whole_seeds == (0, 1) and progress.under_way == [] and progress.quick
    assert set(progress.results.cells) == set(progress.planned)
    again = begin("gradient-flow", "--quick", "--seeds", "1")
    again.wait(60)
    assert again.progress.state == "done" and again.progress.kept == 7


def test_nothing_is_left_of_what_is_stopped(begin: Callable[..., Measuring]) -> None:
    measuring = begin("memory", "--seeds", "40", "--jobs", "2")
    progress = reaches(measuring, lambda progress: progress.done)
    assert progress.state == "measuring" and progress.jobs == 2 and 1 <= len(progress.under_way) <= 2
    process = psutil.Process(measuring._process.pid)
    family = [process, *process.children(recursive=True)]
    assert len(family) >= 3
    measuring.cancel()
    measuring.wait(30)
    assert measuring.progress.state == "stopped" and not measuring.progress.running
    assert measuring.progress.seconds_left(0.0) is None and gone(family)


def test_it_ends_with_the_lab(begin: Callable[..., Measuring]) -> None:
    measuring = begin("memory", "--seeds", "40", "--jobs", "2")
    reaches(measuring, lambda progress: progress.done)
    process = psutil.Process(measuring._process.pid)
    family = [process, *process.children(recursive=True)]
    assert measuring._process.stdin is not None
    measuring._process.stdin.close()  # as the kernel does
    assert gone(family)
    measuring.wait(30)
    assert measuring.progress.state == "failed"


def test_a_failure_is_one_line(begin: Callable[..., Measuring]) -> None:
    measuring = begin("memory", "--data", "nowhere.txt")
    measuring.wait(60)
    assert measuring.progress.state == "failed"
    assert measuring.progress.problem.startswith("data: got 'nowhere.txt'")


def test_the_time_left_is_that_of_the_same_variants() -> None:
    planned = (("fast", 0), ("slow", 0), ("fast", 1), ("slow", 1))
    done = {("fast", 0): Measured({}, 1.0), ("slow", 0): Measured({}, 9.0)}
    progress = Progress(("mine",), "measuring", planned=planned, done=done, began={("fast", 1): 100.0})
    assert progress.under_way == [("fast", 1)] and progress.whole_seeds == (0,)
    assert progress.seconds_left(100.5) == 9.5
    assert progress.seconds_left(107.0) == 9.0, "longer than expected: nothing is left of it"
    assert Progress(("mine",), "measuring", planned=planned).seconds_left(100.0) is None
    assert Progress(("mine",), "measuring", jobs=2, planned=planned, done=done).seconds_left(0.0) == 5.0
