"""What learners' files can do to a check, and what the check says."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import broken_files as broken
import pytest

from lstm_lab.exercises.catalogue import Exercise, exercises
from lstm_lab.exercises.check import check
from lstm_lab.exercises.grading.report import Finding
from lstm_lab.exercises.sandbox import landlock

HAVE = {"": True, "landlock": landlock.abi() > 0, "seccomp": landlock.abi() > 0}


@pytest.fixture
def clipping() -> Exercise:
    """The exercise on clipping."""
    return exercises()["clip_gradients"]


def _finding(exercise: Exercise, folder: Path, name: str = "") -> tuple[str, Finding]:
    report = check(exercise, folder / (name or exercise.file))
    assert not report.grader_failed, report.trace
    assert report.broken is not None and report.broken.finding is not None
    return report.broken.name, report.broken.finding


@pytest.mark.parametrize("case", broken.BROKEN, ids=lambda case: case.name)
def test_a_broken_file_gets_its_message(
    case: broken.Broken, clipping: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not HAVE[case.needs]:
        pytest.skip(f"needs {case.needs}")
    if case.where[1] == "time":
        monkeypatch.setattr("lstm_lab.exercises.sandbox.runner.LOAD_SECONDS", 0.5)
        short = [dataclasses.replace(rung, seconds=0.5) for rung in clipping.checks.RUNGS]
        monkeypatch.setattr(clipping.checks, "RUNGS", short)
    folder = tmp_path / "mine"
    for name, text in case.beside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    folder.mkdir(exist_ok=True)
    content = case.content if isinstance(case.content, bytes) else case.content.encode()
    (folder / clipping.file).write_bytes(content)
    rung, finding = _finding(clipping, folder)
    assert (rung, finding.code) == case.where, finding
    pattern = ".*".join(map(re.escape, case.message.split("…")))
    assert re.fullmatch(pattern, finding.message), finding.message
    assert (finding.line, finding.source) == (case.line, case.source)
    if case.next:
        assert finding.next == case.next
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", broken.HARMLESS)
def test_what_is_odd_and_right_passes(name: str, clipping: Exercise, tmp_path: Path) -> None:
    content = broken.HARMLESS[name]
    file = tmp_path / clipping.file
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    report = check(clipping, file)
    assert report.passed, report
    assert sorted(path.name for path in tmp_path.iterdir()) == [clipping.file]


def test_there_is_no_file(clipping: Exercise, tmp_path: Path) -> None:
    assert _finding(clipping, tmp_path, "mine.py")[1].message == (
        f"The file cannot be read: there is no mine.py in {tmp_path}."
    )


def test_a_folder_in_place_of_the_file(clipping: Exercise, tmp_path: Path) -> None:
    (tmp_path / "mine.py").mkdir()
    assert _finding(clipping, tmp_path, "mine.py")[1].message == "The file cannot be read: mine.py is a folder."


def test_a_pipe_in_place_of_the_file(clipping: Exercise, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.py")
    assert _finding(clipping, tmp_path, "mine.py")[1].message == "The file cannot be read: mine.py is no ordinary file."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(clipping: Exercise, tmp_path: Path) -> None:
    (tmp_path / "mine.py").touch(mode=0o000)
    assert _finding(clipping, tmp_path, "mine.py")[1].message == "The file cannot be read: mine.py: Permission denied."


def test_names_that_hide_modules_nobody_uses_are_no_harm(clipping: Exercise, tmp_path: Path) -> None:
    for name in ("test.py", "code.py", "queue.py", "helper.py"):
        (tmp_path / name).write_text("1 / 0\n")
    (tmp_path / clipping.file).write_text(broken.RIGHT)
    assert check(clipping, tmp_path / clipping.file).passed


def test_what_is_printed_is_kept_and_shortened(clipping: Exercise, tmp_path: Path) -> None:
    (tmp_path / clipping.file).write_text(broken.right("print('n' * 999)"))
    printed = check(clipping, tmp_path / clipping.file).printed
    assert len(printed) == 2000 and set(printed) == {"n", "\n"}
