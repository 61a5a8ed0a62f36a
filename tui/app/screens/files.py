"""Dialogs about files: choose one to open, name one to write."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text, TextType
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, DirectoryTree, Input, Label, OptionList, Select
from textual.widgets.directory_tree import DirEntry
from textual.widgets.option_list import Option
from textual.widgets.tree import TreeNode

from lstm_ext.data import BUILTIN
from lstm_ext.errors import LabError
from lstm_ext.tensors import SUFFIX
from lstm_lab.runs.registry import Registry

from ...crash import report
from ...text.runs import fit, shown_path
from ...text.visible import visible
from ..background import in_background
from .dialog import Ask, Dialog
from .path_input import PathInput

T = TypeVar("T")
#: Of a line in the dialog.
_WIDTH = 60
#: How many of the files used last are offered.
RECENT = 5
ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16", "shift_jis", "gb18030", "koi8-r")
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
    """A folder's files, with one suffix if it is given, none of them hidden; the first line leads one folder up."""

    def __init__(self, suffix: str) -> None:
        super().__init__(os.curdir)
        self._suffix = suffix
        self.guide_depth = 2

    def process_label(self, label: TextType) -> Text:
        """A name is no markup, and what is hidden in it can be seen."""
        return Text(visible(str(label)))

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """The first line says where it leads, and which folder this is."""
        if node is not self.root:
            return super().render_label(node, base_style, style)
        return Text(f"..  {visible(shown_path(str(self.path)))}", style)

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Folders, and the files that may be meant."""
        return [
            path
            for path in paths
            if not path.name.startswith(".") and (path.name.endswith(self._suffix) or _is_directory(path))
        ]

    def nothing(self) -> str:
        """A word where no file can be chosen, or ""."""
        what = f"{self._suffix} file" if self._suffix else "file"
        try:
            found = list(self.filter_paths(Path(self.path).iterdir()))
        except OSError as error:
            return f"this folder cannot be read: {error.strerror}"
        if not found:
            return f"no {what} here, and no folder"
        return "" if any(not _is_directory(path) for path in found) else f"no {what} here; the folders may have some"


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


@dataclass(frozen=True)
class Offer:
    """A file that can be chosen without looking for it: its name, and what is said of it."""

    path: str
    label: str
    what: str
    encoding: str = "utf-8"


class OpenFile(Dialog[T]):
    """Choose a checkpoint, or a file of another ``suffix``; the result is what ``load`` makes of it.

    ``load`` runs in the background; the dialog stays open, with one line, where it fails.
    """

    DEFAULT_CSS = """
    OpenFile OptionList { height: auto; max-height: 7; margin-bottom: 1; border: none; padding: 0; display: none; }
    OpenFile DirectoryTree { height: 1fr; min-height: 3; max-height: 12; background: $surface; margin-top: 1;
        scrollbar-size-vertical: 1; scrollbar-background: $surface; scrollbar-color: $foreground 30%; }
    """
    HINT = "enter open · tab complete, next · esc cancel"
    AUTO_FOCUS = "PathInput"

    def __init__(self, title: str, load: Callable[[str], T], *, suffix: str = "") -> None:
        super().__init__()
        self.TITLE_TEXT = title
        self._load, self._suffix = load, suffix
        self._offers: list[Offer] = []

    def compose_body(self) -> ComposeResult:
        """What was used last, a line for a path, and the files here."""
        yield OptionList(markup=False, compact=True)
        yield PathInput(self._suffix, placeholder=f"path of a {self._suffix or 'text'} file")
        yield from self.compose_more()
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        yield _Tree(self._suffix)
        yield Label("", classes="dialog--note", id="nothing", markup=False)

    def compose_more(self) -> ComposeResult:
        """What else there is to choose."""
        yield from ()

    def on_mount(self) -> None:
        """What is at hand at once; then what was used last, and whether there is anything here."""
        self._show_offers(self.standing_offers())
        self._look_for_recent()
        self._look_around()

    def standing_offers(self) -> list[Offer]:
        """What is always offered."""
        return []

    def recent_offers(self) -> list[Offer]:
        """What was used last and is still there."""
        runs = Registry().runs() if self._suffix == SUFFIX else []
        return [
            Offer(path, os.path.basename(path), f"in {shown_path(os.path.dirname(path))}")
            for path in runs[: 2 * RECENT]
            if os.path.isfile(path)
        ][:RECENT]

    def _show_offers(self, offers: Sequence[Offer]) -> None:
        choices = self.query_one(OptionList)
        first, chosen = not self._offers, choices.highlighted
        self._offers += offers
        width = min(34, max((cell_len(visible(offer.label)) for offer in self._offers), default=0) + 2)
        choices.clear_options()
        rest = _WIDTH - width
        for offer in self._offers:
            choices.add_option(Option(fit(visible(offer.label), width) + fit(visible(offer.what), rest)))
        choices.display = bool(self._offers)
        choices.highlighted = (chosen or 0) if self._offers else None
        if first and self._offers and self.query_one(PathInput).value == "":
            choices.focus()

    @work(group="recent")
    async def _look_for_recent(self) -> None:
        offers = await asyncio.wrap_future(in_background(self.recent_offers))
        if offers and self.is_attached:
            self._show_offers(offers)

    @work(exclusive=True, group="around")
    async def _look_around(self) -> None:
        nothing = await asyncio.wrap_future(in_background(self.query_one(_Tree).nothing))
        if self.is_attached:
            label = self.query_one("#nothing", Label)
            label.update(nothing)
            label.display = bool(nothing)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was offered."""
        self.open_offer(self._offers[event.option_index])

    def open_offer(self, offer: Offer) -> None:
        """Open it."""
        self.open(offer.path)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the path; a folder is looked into."""
        path = os.path.expanduser(event.value.strip())
        if path and os.path.isdir(path):
            self._go(Path(path))
        elif path:
            self.open(path)

    def on_path_input_ambiguous(self, event: PathInput.Ambiguous) -> None:
        """Say how it may go on."""
        self.show_error(event.text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """An error was about another path."""
        self.show_error("")

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """Open a file of the tree."""
        self.query_one(PathInput).value = str(event.path)
        self.open(str(event.path))

    def on_directory_tree_directory_selected(self, event: DirectoryTree.DirectorySelected) -> None:
        """The first line leads up."""
        tree = self.query_one(_Tree)
        if event.node is tree.root:
            with contextlib.suppress(OSError):  # the current folder is gone
                self._go(Path(os.path.abspath(tree.path)).parent)

    def _go(self, folder: Path) -> None:
        self.query_one(_Tree).path = folder
        self._look_around()

    @work(exclusive=True)
    async def open(self, name: str) -> None:
        """Read the file, and close the dialog with what it holds."""
        self.show_error("")
        self.show_title(f"Reading {name}")
        load = self.loader()
        try:
            result = await asyncio.wrap_future(in_background(lambda: load(name)))
        except FILE_ERRORS as error:
            self.show_error(one_line(error))
            self.show_title(self.TITLE_TEXT)
        else:
            self.dismiss(result)

    def loader(self) -> Callable[[str], T]:
        """How a file is read, as chosen just now."""
        return self._load


class OpenText(OpenFile[T]):
    """Choose a text: a built-in one, one that was learned before, or any file, in the encoding chosen.

    ``load`` gets name and encoding.
    """

    DEFAULT_CSS = """
    OpenText .encoding { height: 1; }
    OpenText .encoding Label { width: 10; color: $muted; }
    OpenText Select { width: 1fr; }
    """

    def __init__(self, title: str, load: Callable[[str, str], T]) -> None:
        super().__init__(title, lambda name: load(name, "utf-8"))
        self._load_text = load

    def compose_more(self) -> ComposeResult:
        """The encoding."""
        with Horizontal(classes="encoding"):
            yield Label("encoding", markup=False)
            yield Select([(name, name) for name in ENCODINGS], value="utf-8", allow_blank=False, compact=True)

    def standing_offers(self) -> list[Offer]:
        """The built-in texts."""
        return [Offer(name, name, what) for name, what in BUILTIN.items()]

    def recent_offers(self) -> list[Offer]:
        """Files that were learned."""
        return [
            Offer(text.name, os.path.basename(text.name), f"in {shown_path(os.path.dirname(text.name))}", text.encoding)
            for text in Registry().texts()
            if text.name not in BUILTIN and os.path.isfile(text.name)
        ][:RECENT]

    def open_offer(self, offer: Offer) -> None:
        """Open it in the encoding that it had."""
        if offer.encoding in ENCODINGS:
            self.query_one(Select).value = offer.encoding
        self.open(offer.path)

    def loader(self) -> Callable[[str], T]:
        """Built-in texts have no encoding."""
        encoding = str(self.query_one(Select).value)
        return lambda name: self._load_text(name, "utf-8" if name in BUILTIN else encoding)


class SaveFile(Dialog[str]):
    """Ask for a path and call ``save`` with it in the background; on failure stay open and say why in one line.

    ``rule`` makes the file's name of what was typed, or raises ArgumentError. A file that is there already is replaced
    only after a question.
    """

    DEFAULT_CSS = """
    SaveFile Input { margin: 0; }
    """
    HINT = "enter save · tab complete, next · esc cancel"

    def __init__(
        self, title: str, path: str, save: Callable[[str], object], *, rule: Callable[[str], str], note: str = ""
    ) -> None:
        super().__init__()
        self.TITLE_TEXT = title
        self._path, self._save, self._rule, self._note = path, save, rule, note

    def compose_body(self) -> ComposeResult:
        """A line for the path, what will happen, and buttons."""
        yield PathInput(value=self._path)
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

    def on_path_input_ambiguous(self, event: PathInput.Ambiguous) -> None:
        """Say how it may go on."""
        self.show_error(event.text)

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
