"""The learner's folder: nothing is overwritten, files are found again, and every problem is one clear line."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path

import pytest

from lstm_ext.errors import ArgumentError, DataError, StateError
from lstm_lab.exercises.catalogue import Exercise, find_exercise
from lstm_lab.exercises.workspace import Workspace, chosen, exercise_of

Three = tuple[Exercise, ...]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "mine")


def test_start_puts_the_starter_under_a_line_that_names_the_exercise(workspace: Workspace, three: Three) -> None:
    path, new = workspace.start(three[0])
    assert (path, new) == (workspace.folder / "exercise_01_cell_forward.py", True)
    assert path.read_text() == '# lstm-lab exercise: cell_forward\n"""cell_forward"""\n'


def test_start_never_overwrites(workspace: Workspace, three: Three) -> None:
    path, _ = workspace.start(three[0])
    path.write_text("h = 1\n")  # without the line: the name is enough
    assert workspace.start(three[0]) == (path, False)
    assert path.read_text() == "h = 1\n"


@pytest.fixture
def with_a_file(three: Three) -> Exercise:
    """An exercise that comes with a file, here its own text."""
    return dataclasses.replace(three[0], id="clip_gradients", files=("text.md",))


def test_the_files_of_an_exercise_come_with_it_and_come_back(workspace: Workspace, with_a_file: Exercise) -> None:
    path, _ = workspace.start(with_a_file)
    beside = path.with_name("text.md")
    assert beside.read_text() == with_a_file.text
    beside.unlink()
    assert workspace.start(with_a_file) == (path, False)
    assert beside.read_text() == with_a_file.text


def test_a_file_of_the_same_name_is_kept(workspace: Workspace, with_a_file: Exercise) -> None:
    workspace.folder.mkdir()
    beside = workspace.folder / "text.md"
    beside.write_text("mine")
    with pytest.raises(DataError, match=r"text.md: not the file that the exercise clip_gradients comes with; give it"):
        workspace.start(with_a_file)
    assert [path.name for path in workspace.folder.iterdir()] == ["text.md"]
    (workspace.folder / with_a_file.file).write_text("h = 1\n")
    workspace.reset(with_a_file)
    assert beside.read_text() == with_a_file.text
    assert "mine" in [path.read_text() for path in workspace.folder.glob("text*")]


def test_start_does_not_take_the_file_of_another_exercise(workspace: Workspace, three: Three) -> None:
    workspace.folder.mkdir()
    taken = workspace.folder / three[0].file
    taken.write_text("# lstm-lab exercise: training\nmine\n")
    with pytest.raises(DataError, match=r"exercise_01_cell_forward.py: this file is the exercise training; give it"):
        workspace.start(three[0])
    assert taken.read_text().endswith("mine\n")
    assert workspace.find(three[2]) == taken


@pytest.mark.parametrize("name", ["my lstm.py", "old/week 3/cell.py", "exercise_03_training.py"])
@pytest.mark.parametrize("before", ["", "\ufeff", "#!/usr/bin/env python3\r\n"])
def test_a_renamed_or_moved_file_is_found_again(name: str, before: str, workspace: Workspace, three: Three) -> None:
    path, _ = workspace.start(three[0])
    moved = workspace.folder / name
    moved.parent.mkdir(parents=True, exist_ok=True)
    path.rename(moved)
    moved.write_text(before + moved.read_text(), encoding="utf-8")
    assert workspace.find(three[0]) == moved
    assert workspace.start(three[0]) == (moved, False)
    assert exercise_of(moved) is three[0] or exercise_of(moved) == three[0]


def test_of_two_files_the_usual_name_counts_and_otherwise_the_one_saved_last(
    workspace: Workspace, three: Three
) -> None:
    usual, _ = workspace.start(three[0])
    for number, name in enumerate(("b.py", "a.py"), 1):
        (workspace.folder / name).write_text(usual.read_text())
        os.utime(workspace.folder / name, (2e9 + number, 2e9 + number))
    assert workspace.find(three[0]) == usual
    usual.unlink()
    assert workspace.find(three[0]) == workspace.folder / "a.py"


def test_reset_keeps_what_was_there_and_does_not_find_it_again(workspace: Workspace, three: Three) -> None:
    path, _ = workspace.start(three[0])
    for number in (1, 2):
        path.write_text(f"# lstm-lab exercise: cell_forward\ntry {number}\n")
        again, kept = workspace.reset(three[0])
        assert again == path and kept == workspace.folder / f"exercise_01_cell_forward.old-{number}.py"
        assert kept.read_text().endswith(f"try {number}\n")
        assert path.read_text().endswith('"""cell_forward"""\n')
    path.unlink()
    assert workspace.find(three[0]) is None
    assert workspace.reset(three[0]) == (path, None)


def test_reset_of_a_renamed_file_keeps_its_name(workspace: Workspace, three: Three) -> None:
    path, _ = workspace.start(three[0])
    mine = path.rename(workspace.folder / "mine.py")
    assert workspace.reset(three[0]) == (mine, workspace.folder / "mine.old-1.py")


def test_the_file_saved_last(workspace: Workspace, three: Three) -> None:
    with pytest.raises(StateError, match="no exercise is there; `lstm-lab learn start` puts one there"):
        workspace.saved_last()
    paths = [workspace.start(exercise)[0] for exercise in three]
    (workspace.folder / "notes.py").write_text("# mine")
    for path, time in zip(paths, (5, 9, 7), strict=True):
        os.utime(path, (time, time))
    assert workspace.saved_last() == (paths[1], three[1])


def test_a_folder_that_is_a_file(tmp_path: Path, three: Three) -> None:
    (tmp_path / "file").write_text("precious")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match=r"file(/below)?: is a file, expected a folder; choose .*--folder$"):
            Workspace(folder).start(three[0])
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, three: Three) -> None:
    workspace = Workspace(tmp_path / "locked")
    workspace.start(three[0])
    workspace.folder.chmod(0o500)
    try:
        for act in (lambda: workspace.start(three[1]), lambda: workspace.reset(three[0])):
            with pytest.raises(DataError, match=r"cannot be written \(Permission denied\); choose another folder"):
                act()
    finally:
        workspace.folder.chmod(0o700)


def test_a_starter_that_could_not_be_written_leaves_nothing(
    workspace: Workspace, three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    def opened(path: Path, *_: object, **__: object) -> Full:
        path.touch()
        return Full()

    monkeypatch.setattr("lstm_lab.exercises.workspace.open", opened, raising=False)
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\)"):
        workspace.start(three[0])
    assert list(workspace.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("1", 0),
        ("cell_backward", 1),
        ("cell-b", 1),
        ("t", 2),
        ("exercise_02_cell_backward.py", 1),
        ("lstm-exercises/exercise_02_cell_backward", 1),
    ],
)
def test_an_exercise_may_be_abbreviated(word: str, found: int, three: Three) -> None:
    assert find_exercise(word) == three[found]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("cell", "did you mean cell_forward or cell_backward?"),
        ("backward", "did you mean cell_backward?"),
        ("trainin_", "did you mean training?"),
        ("4", "`lstm-lab learn list` shows them"),
        ("0", "`lstm-lab learn list` shows them"),
        ("", "`lstm-lab learn list` shows them"),
    ],
)
def test_what_is_no_exercise_is_one_clear_line(word: str, hint: str, three: Three) -> None:
    with pytest.raises(ArgumentError) as raised:
        find_exercise(word)
    assert str(raised.value) == f"exercise: got {word!r}, expected a number from 1 to 3, an id or a file; {hint}"


def test_a_file_is_chosen_by_its_path_also_outside_the_folder(
    workspace: Workspace, three: Three, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.start(three[0])
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text("# lstm-lab exercise: training\n")
    assert chosen(str(elsewhere), workspace) == (three[2], elsewhere)
    assert chosen(three[0].file, workspace) == (three[0], workspace.folder / three[0].file)
    assert chosen("2", workspace) == (three[1], None)
    elsewhere.write_text("x = 1\n")
    with pytest.raises(DataError, match="whose exercise is this"):
        chosen(str(elsewhere), workspace)
