"""The course's table of contents: chapters, exercises and what their manifests say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from lstm_ext.errors import ArgumentError

from ..toml import tomllib
from .grading.mutants import Mutant
from .vault import read_private

CONTENT = Path(__file__).parent / "content"


@dataclass(frozen=True)
class Prediction:
    """A number that a check is going to measure, and that the learner may guess first."""

    #: The learner's file has ``guess_<name>``; the check calls ``student.reveal(name, value)``.
    name: str
    question: str
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise: its manifest ``exercise.toml``, and the files beside it.

    ``text.md`` is what the learner reads, ``starter.py`` what ``start`` puts into their folder, ``checks.py`` the
    ladder (``NAMES`` and ``RUNGS``). Exercises of questions have ``questions.toml`` in place of the last two.
    """

    id: str
    title: str
    kind: Literal["code", "questions"]
    #: The file's name in the learner's folder
    file: str
    difficulty: Literal["easy", "medium", "hard"]
    minutes: int
    #: Ids of the exercises that should come first
    requires: tuple[str, ...]
    #: The course texts' items that this exercise covers, by their titles
    sources: tuple[str, ...]
    summary: str
    #: A command that shows the same thing in the lab
    lab: str
    #: Where the unchanged starter fails: the rung's name and the finding's code
    starter_fails: tuple[str, str] = ("", "")
    #: Three levels of hints for each rung
    hints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    predictions: tuple[Prediction, ...] = ()
    #: Files of the exercise's folder that the learner's file reads: they are put beside it
    files: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the exercise's files are."""
        return CONTENT / self.id

    @property
    def text(self) -> str:
        """What the learner reads, as Markdown."""
        return (self.folder / "text.md").read_text(encoding="utf-8")

    @property
    def starter(self) -> str:
        """The code that the learner begins with; the sheet of questions is written by ``questions.sheet``."""
        return (self.folder / "starter.py").read_text(encoding="utf-8")

    @property
    def starters(self) -> tuple[str, ...]:
        """The learner gets one of these: starter.py, or what ``starters()`` of checks.py returns, where it is there."""
        make = getattr(self.checks, "starters", None) if self.kind == "code" else None
        return make() if make else (self.starter,)

    @cached_property
    def checks(self) -> ModuleType:
        """The module with ``NAMES`` and ``RUNGS``."""
        return import_module(f"{__package__}.content.{self.id}.checks")

    @property
    def solution(self) -> str:
        """A solution, for the grader, and for the learner who has passed or given up."""
        return read_private(self.folder, "solution.py") or ""

    @cached_property
    def mutants(self) -> tuple[Mutant, ...]:
        """The typical mistakes, as edits of the solution."""
        entries = tomllib.loads(read_private(self.folder, "mutants.toml") or "").get("mutant", [])
        return tuple(Mutant.from_toml(entry) for entry in entries)


@dataclass(frozen=True)
class Chapter:
    """A part of the course."""

    title: str
    exercises: tuple[Exercise, ...]


@lru_cache(maxsize=1)
def chapters() -> tuple[Chapter, ...]:
    """The course in its order."""
    entries = tomllib.loads((CONTENT / "course.toml").read_text(encoding="utf-8"))["chapter"]
    return tuple(Chapter(entry["title"], tuple(map(read_exercise, entry["exercises"]))) for entry in entries)


def exercises() -> dict[str, Exercise]:
    """Every exercise by its id, in the course's order."""
    return {exercise.id: exercise for chapter in chapters() for exercise in chapter.exercises}


def find_exercise(word: str) -> Exercise:
    """The exercise that a learner means: by its number in the course, its id or an unambiguous beginning of it, or its
    file's name. Raises ArgumentError.
    """
    known = exercises()
    if word.isdecimal() and 1 <= int(word) <= len(known):
        return list(known.values())[int(word) - 1]
    name = Path(word).name
    for exercise in known.values():
        if word == exercise.id or name in (exercise.file, Path(exercise.file).stem):
            return exercise
    beginning = [identifier for identifier in known if word and identifier.startswith(word.replace("-", "_"))]
    if len(beginning) == 1:
        return known[beginning[0]]
    close = beginning or [id for id in known if word and word in id] or get_close_matches(word, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else "`lstm-lab learn list` shows them"
    raise ArgumentError(f"exercise: got {word!r}, expected a number from 1 to {len(known)}, an id or a file; {hint}")


def read_exercise(identifier: str) -> Exercise:
    """The exercise in the folder ``content/<identifier>``."""
    manifest: dict[str, Any] = tomllib.loads((CONTENT / identifier / "exercise.toml").read_text(encoding="utf-8"))
    manifest["predictions"] = tuple(Prediction(**entry) for entry in manifest.pop("prediction", ()))
    manifest["hints"] = {rung: tuple(levels) for rung, levels in manifest.get("hints", {}).items()}
    for key in ("requires", "sources", "starter_fails", "files"):
        manifest[key] = tuple(manifest.get(key, ()))
    return Exercise(id=identifier, **manifest)
