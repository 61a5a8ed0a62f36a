"""What the Step screen walks through: a text, a network, and perhaps a file of the learner's."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from textual.app import ComposeResult
from textual.widgets import Input, Label

from lstm_ext.cells import CELLS, CellName
from lstm_ext.data import Vocabulary
from lstm_ext.errors import DataError, LabError
from lstm_ext.explain.update import LEARNING_RATE, in_float64, learn
from lstm_ext.explain.walk import Walk, spelling_model, walk
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.trainer import Trainer

from ...exercises.debugger.comparison import Comparison
from ...text.against import short_verdict
from ..shown import State, flag, real, whole, word
from .dialog import Dialog
from .files import one_line

MIN_TEXT, MAX_TEXT = 2, 60
MAX_UNITS = 16
#: Learning rates of updates made by hand.
RATES = tuple(digit * 10.0**exponent for exponent in range(-4, 2) for digit in (1, 2, 5))
#: The highest of them that a network starts with that was trained on something else: a step of 1 would undo all of it.
TAKEN_RATE = 0.1
#: Updates that are made again when a recording is shown.
MOST_UPDATES = 1000
#: Characters of its text that a network is walked through if it does not know those of the current one.
BEGINNING = 12


@dataclass(frozen=True)
class Network:
    """A network from somewhere else: the one that is in training, or a checkpoint's."""

    model: LanguageModel
    vocabulary: Vocabulary
    #: For the title bar: what it is.
    whose: str
    #: A piece of the text that it has learned, if that is known.
    learned: str = ""
    #: Training steps behind it; −1 where that is not known.
    step: int = -1


async def taken(trainer: Trainer) -> Network:
    """The network in training, as it is at this moment."""
    model, step = await asyncio.wrap_future(trainer.submit(lambda model: (model.copy(), trainer.snapshot().step)))
    learned = trainer.vocabulary.decode(trainer.split.train[:BEGINNING])
    return Network(model, trainer.vocabulary, f"training, step {step:,}", learned, step)


@dataclass(frozen=True)
class Subject:
    """What is walked through."""

    text: str = "hello"
    cell: CellName = "lstm"
    reset_after: bool = False
    hidden_size: int = 3
    trained: bool = False
    #: A Python file of the learner's, to be followed beside the lab; it then decides about the cell.
    against: str = ""
    #: A network that was trained on some other text; it then decides about all but the text.
    network: Network | None = None
    #: The learning rate of the next update, and of each of those made by hand.
    learning_rate: float = LEARNING_RATE
    updates: tuple[float, ...] = ()

    def compare(self) -> Comparison:
        """Follows the learner's file. Raises LabError where it has nothing to follow."""
        from ...exercises.debugger.compare import compare

        size = self.hidden_size
        if size == len(set(self.text)):
            size += 1  # so that shapes tell arrays apart
        comparison = compare(Path(self.against), self.text, hidden_size=size)
        if comparison.walk is None:
            raise LabError(f"{self.against}: {comparison.problem}")
        return comparison

    def walk(self, last: Walked | None = None) -> Walked:
        """Makes the network, teaches it if that is wanted, makes the updates, and walks it through the text.

        ``last`` is the walk before; where only its own update is made, nothing is computed twice. Raises DataError
        for a text that the network cannot read, NonFiniteError for an update that cannot be made.
        """
        model, vocabulary = self._model()
        if last is not None and self == last.subject.updated():
            model.load(last.walk.updated.parameters)
            losses = [*last.losses, last.walk.loss]
        else:
            losses = learn(model, self.text, vocabulary, self.updates)
        walked = walk(model, self.text, vocabulary, learning_rate=self.learning_rate)
        return Walked(self, walked, tuple(losses))

    def _model(self) -> tuple[LanguageModel, Vocabulary]:
        if self.network is not None:
            return in_float64(self.network.model), self.network.vocabulary
        return spelling_model(
            self.text,
            cell=self.cell,
            hidden_size=self.hidden_size,
            reset_after=self.reset_after and "reset_after" in CELLS[self.cell].options,
            trained=self.trained,
        )

    def updated(self) -> Subject:
        """The same after one more update."""
        return replace(self, updates=(*self.updates, self.learning_rate))

    def at_rate(self, by: int) -> Subject:
        """The same with a higher or lower learning rate for the updates to come."""
        near = min(range(len(RATES)), key=lambda k: abs(math.log(RATES[k] / self.learning_rate)))
        return replace(self, learning_rate=RATES[min(max(0, near + by), len(RATES) - 1)])

    def fresh(self) -> Subject:
        """The same before all updates."""
        return replace(self, updates=())

    def of(self, network: Network) -> Subject:
        """``network`` in its place, on the same text if it can read it, else on the beginning of what it has learned.

        Raises DataError where neither is possible."""
        text = self.text
        if network.learned and not set(text) <= set(network.vocabulary.symbols):
            text = network.learned
        network.vocabulary.encode(text)
        config = network.model.config
        rate = min(self.learning_rate, TAKEN_RATE)
        return Subject(text, config.cell, config.reset_after, config.hidden_size, network=network, learning_rate=rate)

    def state(self) -> State:
        """For recordings; of a network from somewhere else only that it is one."""
        names = ("text", "cell", "reset_after", "hidden_size", "trained", "learning_rate")
        state: State = {name: getattr(self, name) for name in names}
        return state | {"taken": self.network is not None, "updates": list(self.updates)}

    async def restored(self, state: State, trainer: Trainer | None) -> Subject:
        """What ``state`` says, and where it does not say anything, the same as this.

        Raises DataError where the network in training is wanted, and cannot read the text."""
        text = word(state, "text", self.text)
        subject = Subject(
            text if MIN_TEXT <= len(text) <= MAX_TEXT and text.isprintable() else self.text,
            cast(CellName, word(state, "cell", self.cell, CELLS)),
            flag(state, "reset_after"),
            whole(state, "hidden_size", self.hidden_size, 1, MAX_UNITS),
            flag(state, "trained"),
        )
        if flag(state, "taken") and trainer is not None:
            own = self.network
            known = own is not None and own.step == trainer.snapshot().step
            subject = subject.of(own if own is not None and known else await taken(trainer))
        updates = state.get("updates")
        rates = [rate for rate in updates if isinstance(rate, float)] if isinstance(updates, list) else []
        return replace(
            subject,
            learning_rate=real(state, "learning_rate", LEARNING_RATE, RATES[0], RATES[-1]),
            updates=tuple(min(max(RATES[0], rate), RATES[-1]) for rate in rates[:MOST_UPDATES]),
        )

    def describe(self, walked: Walk, comparison: Comparison | None = None) -> str:
        """For the title bar."""
        if comparison is not None:
            return f"{Path(self.against).name}: {short_verdict(comparison)}"
        cell = CELLS[walked.config.cell].title + (" (reset after)" if walked.config.reset_after else "")
        own = "trained" if self.trained else "untrained"
        weights = own if self.network is None else self.network.whose
        if self.updates:
            weights += f" + {len(self.updates):,} update{'s' * (len(self.updates) > 1)}"
        size = walked.config.hidden_size
        units = f"{size} unit{'s' * (size > 1)}"
        return f"{cell} · {units} · {weights} · {'C' if walked.backend == 'c' else 'NumPy'} float64"


@dataclass(frozen=True)
class Walked:
    """A subject walked through, and the losses before the updates that it has behind it."""

    subject: Subject
    walk: Walk
    losses: tuple[float, ...] = ()


class AskText(Dialog[str]):
    """Asks for the text to walk through."""

    TITLE_TEXT = "A text to walk through"
    HINT = "enter walk · esc cancel"

    def __init__(self, text: str, check: Callable[[str], object]) -> None:
        """``check`` raises DataError where the network cannot read a text."""
        super().__init__()
        self._text, self._check = text, check

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input(self._text, max_length=MAX_TEXT, id="text")
        yield Label("", classes="dialog--error", markup=False)
        yield Label(
            f"{MIN_TEXT} to {MAX_TEXT} characters. Each one is read to predict the next.", classes="dialog--note"
        )

    def on_mount(self) -> None:
        """An error takes room only when there is one."""
        self.show_error("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the text if it can be walked through."""
        text = event.value
        if len(text) < MIN_TEXT:
            self.show_error(f"got {len(text)} of them: at least {MIN_TEXT} are needed, one to read and one to predict")
        elif not text.isprintable():
            bad = next(letter for letter in text if not letter.isprintable())
            self.show_error(f"{bad!r} cannot be shown: printable characters, please")
        else:
            try:
                self._check(text)
            except DataError as error:
                self.show_error(one_line(error))
            else:
                self.dismiss(text)
