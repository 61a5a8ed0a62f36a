"""Where a screen's network comes from, and what it reads: the run in training or a checkpoint, and a text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.widgets import Input, Label

from lstm_ext.data import Vocabulary, load_text, split
from lstm_ext.errors import DataError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tensors import SUFFIX
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint
from lstm_ext.train.trainer import Trainer

from ..background import in_background
from .dialog import Dialog
from .files import FILE_ERRORS, OpenFile, OpenText, one_line


@dataclass(frozen=True)
class Loaded:
    """A network from a checkpoint."""

    model: LanguageModel
    vocabulary: Vocabulary
    path: str
    step: int
    #: Symbols of the text that its run kept apart; None where that text is not there any more.
    held: np.ndarray | None = None


Source = Trainer | Loaded
#: As much of a text as any screen reads.
_HELD = 1 << 16


async def current(source: Source) -> tuple[LanguageModel, int]:
    """A network that nobody else uses, and the step that it is from."""
    if isinstance(source, Loaded):
        return source.model, source.step
    return await asyncio.wrap_future(source.submit(lambda model: (model.copy(), source.snapshot().step)))


def kept_apart(source: Source, trainer: Trainer | None, length: int) -> np.ndarray:
    """The first ``length`` symbols of the text that ``source`` has not learned from, or of all there is; where a
    checkpoint's own text is gone, of what ``trainer`` does not learn from. Raises DataError."""
    if isinstance(source, Loaded) and source.held is not None:
        return source.held[:length]
    run = source if isinstance(source, Trainer) else trainer
    if run is None:
        raise DataError("there is no text that was kept apart; choose one with t or d")
    parts = run.split
    symbols = (parts.train if parts.validation is None else parts.validation)[:length]
    return source.vocabulary.encode(run.vocabulary.decode(symbols))


def load(path: str, must_read: str = "") -> Loaded:
    """The network of a checkpoint: the weights that are used, and the step that they are from.

    Raises CheckpointError, DataError where its text is gone and it cannot read ``must_read``."""
    checkpoint = load_checkpoint(path)
    state = checkpoint.state
    step = state.history.best_step if state.kept == "best" else state.step
    held = _held(checkpoint)
    if held is None:
        checkpoint.vocabulary.encode(must_read)
    return Loaded(checkpoint.model(), checkpoint.vocabulary, path, step, held)


def _held(checkpoint: Checkpoint) -> np.ndarray | None:
    """What its run kept apart from training, if its text is still the same."""
    learned = checkpoint.text
    try:
        text = load_text(learned.name, learned.encoding, checkpoint.vocabulary)
    except FILE_ERRORS:
        return None
    if text.sha256 != learned.sha256:
        return None
    parts = split(text, checkpoint.trainer_config.validation)
    return np.array((parts.train if parts.validation is None else parts.validation)[:_HELD])


class AskText(Dialog[str]):
    """Asks for a text of at most ``length`` characters to read; ``check`` raises where the network cannot read it."""

    TITLE_TEXT = "A text to read"
    HINT = "enter read · esc cancel"

    def __init__(self, check: Callable[[str], object], length: int) -> None:
        super().__init__()
        self._check, self._length = check, length

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input("", max_length=self._length, id="text")
        yield Label("", classes="dialog--error", markup=False)
        note = "\\n is a line's end. Nothing: the text that was kept apart from training."
        yield Label(note, classes="dialog--note", markup=False)

    def on_mount(self) -> None:
        """An error takes room only when there is one."""
        self.show_error("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the text if it can be read."""
        text = event.value.replace("\\n", "\n")
        try:
            self._check(text)
        except DataError as error:
            self.show_error(one_line(error))
        else:
            self.dismiss(text)


def ask_file(source: Source, length: int) -> OpenText[str]:
    """The dialog for a text from a file, of which ``length`` characters are read."""

    def read(name: str, encoding: str) -> str:
        text = load_text(name, encoding, source.vocabulary)
        return source.vocabulary.decode(text.symbols[:length])

    return OpenText("A text to read", read)


async def choose_checkpoint(app: App[Any], path: str, must_read: str = "") -> Loaded | None:
    """The network of the checkpoint at ``path``, or of one that is asked for, which can read ``must_read``."""
    if not path:
        dialog = OpenFile[Loaded]("A checkpoint to look into", partial(load, must_read=must_read), suffix=SUFFIX)
        return await app.push_screen_wait(dialog)
    try:
        return await asyncio.wrap_future(in_background(partial(load, path, must_read)))
    except FILE_ERRORS as error:
        app.notify(one_line(error), severity="error")
        return None
