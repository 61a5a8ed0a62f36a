"""Asked at the start: what becomes of training that another lab left behind when it was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Label, OptionList
from textual.widgets.option_list import Option

from lstm_ext.errors import LabError
from lstm_ext.tensors import SUFFIX, checkpoint_path
from lstm_ext.train.trainer import Trainer

from ...text.visible import visible
from ..background import in_background
from ..export import file_name
from ..recovery import Recovery, Summary
from .dialog import Answer, Ask, Dialog
from .files import FILE_ERRORS, SaveFile, one_line


class Recover(Dialog[tuple[Trainer, Recovery]]):
    """Continue one of them, with what ``resume`` makes of it; name or discard some; or leave them for later."""

    DEFAULT_CSS = """
    Recover > .dialog--box { width: 78; }
    Recover OptionList { height: auto; max-height: 8; margin-top: 1; border: none; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "continue", show=False),
        Binding("n", "name", show=False),
        Binding("d", "discard", show=False),
        Binding("l", "give_up", show=False),
        Binding("q", "app.quit", show=False),
    ]
    TITLE_TEXT = "Training that was not saved"
    HINT = "enter continue · esc later"

    def __init__(self, recoveries: Sequence[Recovery], resume: Callable[[Recovery], Trainer]) -> None:
        super().__init__()
        self._recoveries, self._resume = list(recoveries), resume

    def compose_body(self) -> ComposeResult:
        """A row for each, and what can be done."""
        yield Label("Kept when the lab ended:", classes="dialog--note", markup=False)
        options = [Option(visible(self._line(recovery))) for recovery in self._recoveries]
        yield OptionList(*options, markup=False, compact=True)
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        with Horizontal(classes="dialog--buttons"):
            yield Answer("continue", "Continue", key="c", primary=True)
            yield Answer("name", "Save as", key="n", primary=False)
            yield Answer("discard", "Discard", key="d", primary=False)
            yield Answer("give_up", "Later", key="l", primary=False)

    def on_mount(self) -> None:
        """Enter continues the newest."""
        options = self.query_one(OptionList)
        options.focus()
        options.highlighted = 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Continue it."""
        self.action_continue()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """An error was about another one."""
        self.show_error("")

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what a button says."""
        if isinstance(event.button, Answer):
            await self.run_action(event.button.value)

    @property
    def _chosen(self) -> Recovery:
        return self._recoveries[self.query_one(OptionList).highlighted or 0]

    @work(exclusive=True)
    async def action_continue(self) -> None:
        """Go on with its training, exactly where it was cut off."""
        recovery = self._chosen
        try:
            trainer = await asyncio.wrap_future(in_background(partial(self._resume, recovery)))
        except FILE_ERRORS as error:
            self.show_error(one_line(error))
        else:
            self.dismiss((trainer, recovery))

    @work(exclusive=True)
    async def action_name(self) -> None:
        """Keep it in a file of the user's choice, to be loaded later or never."""
        recovery = self._chosen
        dialog = SaveFile("Save a checkpoint", self._file_name(recovery), recovery.copy, rule=checkpoint_path)
        path = await self.app.push_screen_wait(dialog)
        if path is not None:
            self.app.notify(f"Saved {path}", timeout=3)
            self._remove(recovery)

    @work(exclusive=True)
    async def action_discard(self) -> None:
        """Forget it, once that is confirmed."""
        recovery = self._chosen
        answers = [("keep", "Keep it", "k"), ("discard", "Discard", "d")]
        question = f"This training is then gone: {self._line(recovery)}"
        if await self.app.push_screen_wait(Ask("Discard", question, answers)) == "discard":
            self._remove(recovery)

    def _remove(self, recovery: Recovery) -> None:
        try:
            recovery.clear()
        except OSError as error:
            self.show_error(one_line(error))
            return
        self.query_one(OptionList).remove_option_at_index(self._recoveries.index(recovery))
        self._recoveries.remove(recovery)
        recovery.release()
        if not self._recoveries:
            self.dismiss(None)

    @staticmethod
    def _line(recovery: Recovery) -> str:
        try:
            return str(Summary.of(recovery))
        except LabError as error:
            return one_line(error).removeprefix(f"{recovery.path}: ")

    @staticmethod
    def _file_name(recovery: Recovery) -> str:
        try:
            found = Summary.of(recovery)
        except LabError:
            return recovery.path.name
        return file_name(found.text, found.cell, found.hidden_size, SUFFIX)
