"""Runs: what is kept, what goes on after an interruption, and the processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from experiments.counting import Counting
from poison import poison

from lstm_ext.experiments import load, run
from lstm_ext.experiments.runner import cells, kept


def test_finished_runs_are_kept_and_only_the_others_run(counting: Counting, tmp_path: Path) -> None:
    first = run(counting, [0, 1], directory=tmp_path)
    assert counting.asked == [("a", 0), ("b", 0), ("c d/e", 0), ("a", 1), ("b", 1), ("c d/e", 1)]
    assert first.cells["a", 1] == {"n": 2.0, "never": None, "list": [0, 1], "text": "x"}
    again = run(counting, [0, 1, 2], directory=tmp_path)
    assert counting.asked[6:] == [("a", 2), ("b", 2), ("c d/e", 2)]
    assert {key: again.cells[key] for key in first.cells} == first.cells
    run(counting, [0], directory=tmp_path, quick=True)
    assert len(counting.asked) == 12, "other settings were taken for the same"
    run(counting, [0], directory=tmp_path, fresh=True)
    assert len(counting.asked) == 15


def test_an_interrupted_experiment_goes_on(counting: Counting, tmp_path: Path) -> None:
    Counting.fails_at = 4
    with pytest.raises(KeyboardInterrupt):
        run(counting, [0, 1], directory=tmp_path)
    assert sum(kept(cell) is not None for cell in cells(counting, [0, 1], False, tmp_path)) == 4
    Counting.fails_at = -1
    results = run(counting, [0, 1], directory=tmp_path)
    assert len(counting.asked) == 6 and len(results.cells) == 6
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")], "a temporary file is left"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"numbers": null}', "\x00\xff"])
def test_a_damaged_file_is_measured_again(counting: Counting, tmp_path: Path, damage: str) -> None:
    run(counting, [0], directory=tmp_path)
    for path in tmp_path.rglob("*.json"):
        path.write_text(damage, encoding="latin-1")
    assert len(run(counting, [0], directory=tmp_path).cells) == 3
    assert len(counting.asked) == 6


@pytest.mark.slow
def test_processes_give_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = load("gradient-flow")
    alone = run(experiment, [3], quick=True)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    together = run(experiment, [3], quick=True, jobs=2, directory=tmp_path)
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3" and "PYTHONSAFEPATH" not in os.environ
    assert together.cells == alone.cells and list(alone.variants) == list(together.variants)
    assert len(list(tmp_path.rglob("*.json"))) == len(alone.cells)


#: A program with an experiment whose runs do ``{body}``, in two processes.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from lstm_ext.errors import LabError
from lstm_ext.experiments import Experiment, run

class Mine(Experiment):
    name = "mine"

    def variants(self, quick):
        return {{label: {{"label": label}} for label in "abcd"}}

    def measure(self, settings, seed):
        label = settings["label"]
        {body}
        return {{"n": 1.0}}

if __name__ == "__main__":
    try:
        print(len(run(Mine(), [0], jobs=2, directory=Path("kept")).cells))
    except LabError as error:
        sys.exit(str(error))
"""


@pytest.fixture
def in_processes(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """Starts PROGRAM in a folder of its own."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    def start(body: str) -> subprocess.Popen[str]:
        (there / "program.py").write_text(PROGRAM.format(body=body))
        pipe = subprocess.PIPE
        command = [sys.executable, str(there / "program.py")]
        return subprocess.Popen(command, cwd=here, stdout=pipe, stderr=pipe, text=True)

    return start


@pytest.mark.slow
def test_a_process_that_dies_is_reported(in_processes: Callable[[str], subprocess.Popen[str]]) -> None:
    process = in_processes('if label == "d": os.kill(os.getpid(), signal.SIGKILL)')
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert errors.startswith("a measuring process was ended from outside") and errors.count("\n") == 1


def test_a_run_that_fails_ends_all_with_its_error(in_processes: Callable[[str], subprocess.Popen[str]]) -> None:
    process = in_processes('raise LabError(f"{label} will not do") if label == "a" else signal.pause()')
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "a will not do\n")


def test_processes_import_nothing_from_the_present_folder(
    in_processes: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    poison(tmp_path / "here", "multiprocessing", "os", "pickle", "random", "socket", "secrets", "signal", "threading")
    process = in_processes('assert os.environ["OPENBLAS_NUM_THREADS"] == "1"; assert os.getcwd().endswith("here")')
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "4\n", "")


def test_processes_end_with_their_parent(in_processes: Callable[[str], subprocess.Popen[str]], tmp_path: Path) -> None:
    process = in_processes('Path(f"pid-{os.getpid()}").touch(); signal.pause()')
    deadline = time.monotonic() + 60
    while len(pids := [int(path.name[4:]) for path in tmp_path.rglob("pid-*")]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)

    def alive(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)
