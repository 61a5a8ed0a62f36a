"""Dialogs about files: choose one to open, name one to write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from rich.text import Text, TextType
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, DirectoryTree, Input, Label, OptionList
from textual.widgets.option_list import Option

from lstm_ext.errors import LabError

from ...crash import report
from ...text.visible import visible
from ..background import in_background
from .dialog import Ask, Dialog

T = TypeVar("T")
#: The errors of reading or writing a file, each with a message of one line.
FILE_ERRORS = (LabError, OSError, MemoryError)


def one_line(error: BaseException) -> str:
    """An error as one line for the user; the traceback of a bug goes to a file that the line names."""
    if not isinstance(error, FILE_ERRORS):
        return report(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (str(error) or type(error).__name__).partition("\n")[0]


class _Tree(DirectoryTree):
    """A directory's files, except hidden ones, with one suffix if it is given."""

    def __init__(self, suffix: str) -> None:
        super().__init__(os.curdir)
        self._suffix = suffix
        self.guide_depth = 2

    def process_label(self, label: TextType) -> Text:
        """A name is no markup, and what is hidden in it can be seen."""
        return Text(visible(str(label)))

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Filter the paths."""
        return [
            path
            for path in paths
            if not path.name.startswith(".") and (path.name.endswith(self._suffix) or _is_directory(path))
        ]


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


class OpenFile(Dialog[T]):
    """Choose a file, or one of the named ``choices``; the result is what ``load`` makes of it.

    ``load`` runs in the background; the dialog stays open, with one line, where it fails.
    """

    DEFAULT_CSS = """
    OpenFile OptionList { height: auto; max-height: 6; margin-bottom: 1; border: none; padding: 0; }
    OpenFile DirectoryTree { height: 1fr; min-height: 3; max-height: 12; background: $surface; margin-top: 1;
        scrollbar-size-vertical: 1; scrollbar-background: $surface; scrollbar-color: $foreground 30%; }
    """
    HINT = "enter open · tab next · esc cancel"

    def __init__(
        self, title: str, load: Callable[[str], T], *, choices: Mapping[str, str] | None = None, suffix: str = ""
    ) -> None:
        super().__init__()
        self.TITLE_TEXT = title
        self._load, self._choices, self._suffix = load, choices or {}, suffix

    def compose_body(self) -> ComposeResult:
        """The choices, a line for a path, and the files here."""
        if self._choices:
            width = max(map(len, self._choices)) + 2
            options = [Option(name.ljust(width) + what, id=name) for name, what in self._choices.items()]
            yield OptionList(*options, markup=False, compact=True)
        yield Input(placeholder=f"path of a {self._suffix or 'text'} file", compact=True)
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        yield _Tree(self._suffix)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open a named choice."""
        if event.option_id is not None:
            self._open(event.option_id)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the path."""
        if event.value.strip():
            self._open(os.path.expanduser(event.value.strip()))

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """Open a file of the tree."""
        self.query_one(Input).value = str(event.path)
        self._open(str(event.path))

    @work(exclusive=True)
    async def _open(self, name: str) -> None:
        self.show_error("")
        self.show_title(f"Reading {name}")
        try:
            result = await asyncio.wrap_future(in_background(lambda: self._load(name)))
        except FILE_ERRORS as error:
            self.show_error(one_line(error))
            self.show_title(self.TITLE_TEXT)
        else:
            self.dismiss(result)


class SaveFile(Dialog[str]):
    """Ask for a path and call ``save`` with it in the background; on failure stay open and say why in one line.

    ``rule`` makes the file's name of what was typed, or raises ArgumentError. A file that is there already is replaced
    only after a question.
    """

    DEFAULT_CSS = """
    SaveFile Input { margin: 0; }
    """
    HINT = "enter save · esc cancel"

    def __init__(
        self, title: str, path: str, save: Callable[[str], object], *, rule: Callable[[str], str], note: str = ""
    ) -> None:
        super().__init__()
        self.TITLE_TEXT = title
        self._path, self._save, self._rule, self._note = path, save, rule, note

    def compose_body(self) -> ComposeResult:
        """A line for the path, what will happen, and buttons."""
        yield Input(self._path, compact=True)
        note = Label(self._note, classes="dialog--note", markup=False)
        note.display = bool(self._note)
        yield note
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        with Horizontal(classes="dialog--buttons"):
            yield Button("Save", variant="primary", compact=True, id="save")
            yield Button("Cancel", compact=True, id="cancel")

    def on_input_changed(self, event: Input.Changed) -> None:
        """An error was about another name."""
        self.show_error("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Save."""
        self._write(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Save or cancel."""
        if event.button.id == "save":
            self._write(self.query_one(Input).value)
        else:
            self.dismiss(None)

    @work(exclusive=True)
    async def _write(self, typed: str) -> None:
        if not typed.strip():
            self.show_error("path: got nothing, expected the name of a file")
            return
        try:
            path = self._rule(os.path.expanduser(typed.strip()))
            if os.path.isfile(path) and not await self._may_replace(path):
                return
            await asyncio.wrap_future(in_background(lambda: self._save(path)))
        except FILE_ERRORS as error:
            self.show_error(one_line(error))
        else:
            self.dismiss(path)

    async def _may_replace(self, path: str) -> bool:
        answers = [("other", "Another name", "a"), ("replace", "Replace it", "r")]
        question = f"{path} is there already. What is in it would be gone."
        return await self.app.push_screen_wait(Ask("Replace a file", question, answers)) == "replace"
