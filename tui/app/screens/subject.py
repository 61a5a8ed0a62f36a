"""What the Step screen walks through: a text, a network, and perhaps a file of the learner's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult
from textual.widgets import Input, Label

from lstm_ext.cells import CELLS, CellName
from lstm_ext.errors import LabError
from lstm_ext.explain.walk import Walk, spelling_model, walk

from ...exercises.debugger.comparison import Comparison
from ...text.against import short_verdict
from .dialog import Dialog

MIN_TEXT, MAX_TEXT = 2, 60


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

    def walk(self) -> Walk:
        """Makes the network, teaches it if that is wanted, and walks it through the text."""
        model, vocabulary = spelling_model(
            self.text,
            cell=self.cell,
            hidden_size=self.hidden_size,
            reset_after=self.reset_after and "reset_after" in CELLS[self.cell].options,
            trained=self.trained,
        )
        return walk(model, self.text, vocabulary)

    def describe(self, walked: Walk, comparison: Comparison | None = None) -> str:
        """For the title bar."""
        if comparison is not None:
            return f"{Path(self.against).name}: {short_verdict(comparison)}"
        cell = CELLS[self.cell].title + (" (reset after)" if walked.config.reset_after else "")
        weights = "trained" if self.trained else "untrained"
        units = f"{self.hidden_size} unit{'s' * (self.hidden_size > 1)}"
        return f"{cell} · {units} · {weights} · {'C' if walked.backend == 'c' else 'NumPy'} float64"


class AskText(Dialog[str]):
    """Asks for the text to walk through."""

    TITLE_TEXT = "A text to walk through"
    HINT = "enter walk · esc cancel"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

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
            self.dismiss(text)
