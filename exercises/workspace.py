"""The learner's folder: starters are put there, and found again after they were renamed or moved."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_ext.errors import DataError, StateError
from lstm_ext.files import keep_aside, write_atomically

from .catalogue import Exercise, exercises, find_exercise
from .questions.sheet import write_sheet

#: Where exercises are put unless the learner says otherwise
DEFAULT_FOLDER = "lstm-exercises"
#: A line near the beginning of each file; the file's name may change, this stays.
_MARKER = re.compile(rb"^(?:\xef\xbb\xbf)?#[ \t]*lstm-lab exercise:[ \t]*(\w+)", re.MULTILINE)
#: Bytes at the beginning of a file in which the marker is looked for
_HEAD = 2000
#: What ``reset`` keeps is not looked at.
_KEPT = re.compile(r"\.old-\d+\.py$")
#: Where a folder is searched: no deeper, and no more files than this
_DEPTH, _FILES = 3, 2000


@dataclass(frozen=True)
class Workspace:
    """A folder with the learner's files."""

    folder: Path

    def start(self, exercise: Exercise) -> tuple[Path, bool]:
        """Put the starter there, and the files that it reads, unless they are there already. Raises DataError.

        Returns the file, and whether it is new.
        """
        content = starter(exercise)
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            if found := self.find(exercise):
                _put_files(exercise, found.parent)
                return found, False
            _put_files(exercise, self.folder)
            path = self.folder / exercise.file
            try:
                with open(path, "x", encoding="utf-8") as file:
                    file.write(content)
            except FileExistsError:
                other = exercise_in(path)
                whose = f"the exercise {other}" if other else "something else"
                raise DataError(f"{path}: this file is {whose}; give it another name, then start again") from None
            except OSError:
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
        return path, True

    def reset(self, exercise: Exercise) -> tuple[Path, Path | None]:
        """Put the starter in the place of the learner's file, which is kept under a number, and the files that it reads
        as they were. Raises DataError.

        Returns the file, and the kept one; None if there was no file.
        """
        found = self.find(exercise)
        if found is None:
            return self.start(exercise)[0], None
        content = starter(exercise)
        with self._writing():
            _put_files(exercise, found.parent, anew=True)
            kept = Path(keep_aside(found))
            write_atomically(found, content)
        return found, kept

    def find(self, exercise: Exercise) -> Path | None:
        """The learner's file: that of the exercise's name, or else the one saved last of those with its marker."""
        usual = self.folder / exercise.file
        if usual.is_file() and exercise_in(usual) in (exercise.id, None):
            return usual
        marked = [path for path, identifier in self.files() if identifier == exercise.id]
        return max(marked, key=_saved, default=None)

    def files(self) -> Iterator[tuple[Path, str]]:
        """Every file that belongs to an exercise, and that exercise's id."""
        by_name = {exercise.file: exercise.id for exercise in exercises().values()}
        for path in self._python_files():
            identifier = exercise_in(path) or (by_name.get(path.name) if path.parent == self.folder else None)
            if identifier in exercises():
                yield path, identifier

    def saved_last(self) -> tuple[Path, Exercise]:
        """The exercise's file that was saved last. Raises StateError if there is none."""
        found = max(self.files(), key=lambda pair: _saved(pair[0]), default=None)
        if found is None:
            raise StateError(
                f"{self.folder}: no exercise is there; `lstm-lab learn start` puts one there, and --folder DIR says "
                "where yours are"
            )
        return found[0], exercises()[found[1]]

    def _python_files(self) -> Iterator[Path]:
        count = 0
        for folder, inner, names in os.walk(self.folder):
            depth = len(Path(folder).relative_to(self.folder).parts)
            inner[:] = sorted(n for n in inner if depth < _DEPTH and not n.startswith((".", "__")))
            for name in sorted(names):
                if name.endswith(".py") and not name.startswith(".") and not _KEPT.search(name):
                    count += 1
                    if count > _FILES:
                        return
                    yield Path(folder, name)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Problems with the folder become one line that says what to do."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileExistsError | NotADirectoryError):
                problem = "is a file, expected a folder"
            else:
                problem = f"cannot be written ({error.strerror or error})"
            raise DataError(f"{self.folder}: {problem}; choose another folder with --folder") from None


def _put_files(exercise: Exercise, folder: Path, *, anew: bool = False) -> None:
    """The files that come with the exercise; ``anew``: one that differs is kept under a number. Raises DataError."""
    for name in exercise.files:
        content, path = (exercise.folder / name).read_bytes(), folder / name
        if path.is_file() and path.read_bytes() == content:
            continue
        if path.exists() and not anew:
            raise DataError(
                f"{path}: not the file that the exercise {exercise.id} comes with; give it another name, then start "
                "again"
            )
        if path.exists():
            keep_aside(path)
        write_atomically(path, content)


def starter(exercise: Exercise) -> str:
    """The file that the learner begins with, under the line by which it is found again."""
    text = write_sheet(exercise) if exercise.kind == "questions" else secrets.choice(exercise.starters)
    return f"# lstm-lab exercise: {exercise.id}\n{text}"


def exercise_in(path: Path) -> str | None:
    """The id on the marker line of the file; None if it has no such line, or cannot be read."""
    try:
        with open(path, "rb") as file:
            found = _MARKER.search(file.read(_HEAD))
    except OSError:
        return None
    return found[1].decode() if found else None


def exercise_of(path: Path) -> Exercise:
    """The exercise that a file belongs to, by its marker or its name. Raises DataError."""
    identifier = exercise_in(path)
    if identifier in exercises():
        return exercises()[identifier]
    for exercise in exercises().values():
        if path.name == exercise.file:
            return exercise
    raise DataError(
        f"{path}: whose exercise is this? Its first line should say `# lstm-lab exercise: ID`, and "
        "`lstm-lab learn list` shows the ids"
    )


def chosen(word: str, workspace: Workspace) -> tuple[Exercise, Path | None]:
    """The exercise, and its file if there is one, that ``word`` names: a path, or whatever ``find_exercise`` takes.

    Raises ArgumentError and DataError.
    """
    path = Path(word)
    if path.is_file() or (path.suffix == ".py" and (path := workspace.folder / word).is_file()):
        return exercise_of(path), path
    exercise = find_exercise(word)
    return exercise, workspace.find(exercise)


def _saved(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
