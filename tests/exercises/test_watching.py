"""Watching: every way of saving is noticed, half-written files are waited for, a save cancels the check under way."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import passing

from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.course import Course
from lstm_lab.exercises.watching import BackgroundCheck, SavedFiles


def write(path: Path) -> None:
    path.write_text("two\n")


def replace(path: Path) -> None:
    """As vim, and whoever else does not want to lose a file."""
    new = path.with_name(".new")
    new.write_text("two\n")
    os.replace(new, path)


def with_backup(path: Path) -> None:
    """As emacs and vim with backups: the old file keeps its inode under another name."""
    path.rename(path.with_name("one.py~"))
    path.write_text("two\n")


def at_the_same_time(path: Path) -> None:
    """The same size and time, as on file systems that know only seconds."""
    before = path.stat()
    path.write_text("two\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("save", [write, replace, with_backup, at_the_same_time])
def test_a_saved_file_is_noticed_once(save: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("one\n")
    files = SavedFiles(lambda: [path])
    assert [files.poll() for _ in range(3)] == [[], [], []]
    save(path)
    assert [files.poll() for _ in range(4)] == [[], [path], [], []]


def test_a_half_written_file_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("one\n")
    files = SavedFiles(lambda: [path])
    for content in ("", "def f", "def f():\n", "def f():\n    pass\n"):
        path.write_text(content)
        assert files.poll() == []
    assert files.poll() == [path]


def test_a_file_that_is_gone_or_unchanged_is_no_news(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("one\n")
    files = SavedFiles(lambda: [path])
    os.utime(path, (1, 1))
    assert [files.poll(), files.poll()] == [[], []]
    path.unlink()
    assert [files.poll(), files.poll()] == [[], []]
    path.write_text("one\n")  # it came back as it was
    assert [files.poll(), files.poll()] == [[], []]
    path.write_text("two\n")
    files.poll()
    path.write_text("one\n")  # undone before it was settled
    assert [files.poll(), files.poll()] == [[], []]


def test_files_may_come_and_be_renamed(tmp_path: Path) -> None:
    files = SavedFiles(lambda: sorted(tmp_path.glob("*.py")))
    new = tmp_path / "new.py"
    new.write_text("new\n")
    assert [files.poll(), files.poll()] == [[], [new]]
    renamed = new.rename(tmp_path / "other.py")
    assert [files.poll(), files.poll()] == [[], [renamed]]


ENDLESS = "def clip_gradients(grads, max_norm):\n    while True:\n        pass\n"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(folder=tmp_path / "mine")


def test_a_check_is_cancelled_with_the_program_in_it(course: Course) -> None:
    exercise = exercises()["clip_gradients"]
    file, _ = course.start(exercise)
    file.write_text(ENDLESS)
    ended, trying = threading.Event(), threading.Event()
    check = BackgroundCheck(
        course, exercise, file, progress=lambda rung: trying.set() if rung == "shape" else None, ended=ended.set
    )
    assert trying.wait(60)  # the endless loop is next
    check.cancel()
    assert ended.wait(3)  # and not after the five seconds that the loop may take
    assert check.result() is None
    assert course.progress.record("clip_gradients").attempts == ()


def test_a_check_that_comes_to_its_end_is_kept(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.exercises.watching.Check.run", lambda self: passing("clip_gradients"))
    exercise = exercises()["clip_gradients"]
    check = BackgroundCheck(course, exercise, course.start(exercise)[0])
    assert check.wait(60)
    checked = check.result()
    assert checked and checked.report.passed and checked.first_pass
    assert len(course.progress.record("clip_gradients").attempts) == 1


def test_what_came_to_its_end_and_was_cancelled_is_not_kept(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.exercises.watching.Check.run", lambda self: passing("clip_gradients"))
    exercise = exercises()["clip_gradients"]
    check = BackgroundCheck(course, exercise, course.start(exercise)[0])
    assert check.wait(60)
    check.cancel()
    assert check.result() is None
    assert course.progress.record("clip_gradients").attempts == ()
