"""The form for a new network: its cells, its size, and its training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal
from textual.widgets import Button, Checkbox, Input, Label, Select

from lstm_ext.cells import CELLS, SWITCHES, CellName
from lstm_ext.data import Text
from lstm_ext.engine.config import OPTIMIZERS
from lstm_ext.errors import ArgumentError
from lstm_ext.train.run_config import RunConfig

from ... import memory
from .dialog import Dialog

#: Settings written into a line, with their labels.
_NUMBERS = {
    "hidden_size": "hidden size",
    "num_layers": "layers",
    "seq_length": "seq length",
    "batch_size": "batch size",
    "lr": "learning rate",
    "dropout": "dropout",
    "seed": "seed",
    "threads": "threads",
}


class Tick(Checkbox):
    """A checkbox that shows without colours whether it is ticked."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Draws the tick."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class ModelForm(Dialog[RunConfig]):
    """Edits settings, and says at once what the library would not accept."""

    DEFAULT_CSS = """
    ModelForm Grid { grid-size: 4; grid-columns: 14 1fr 14 1fr; grid-gutter: 0 1; height: auto; }
    ModelForm Grid Label { color: $muted; }
    ModelForm Grid Label.-wrong { color: $error; text-style: bold; }
    ModelForm .model-form--switches { height: 1; margin-top: 1; }
    ModelForm Checkbox { margin-right: 3; background: $surface; }
    ModelForm .dialog--note { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "start", "Start", show=False)]
    TITLE_TEXT = "A new network"
    HINT = "enter start · tab next · esc cancel"

    def __init__(self, config: RunConfig, text: Text) -> None:
        """Starts with ``config``; the network will learn ``text``."""
        super().__init__()
        self._config, self._text = config, text

    def compose_body(self) -> ComposeResult:
        """Fields in two columns, switches, a line on size or on what is wrong, buttons."""
        present = self._config.options()
        cells = [(cell.title, name) for name, cell in CELLS.items()]
        optimizers = [(name, name) for name in OPTIMIZERS]
        with Grid():
            yield Label("cell")
            yield Select(cells, value=present["cell"], allow_blank=False, compact=True, id="cell")
            yield Label("optimizer")
            yield Select(optimizers, value=present["optimizer"], allow_blank=False, compact=True, id="optimizer")
            for name, label in _NUMBERS.items():
                yield Label(label, id=f"label-{name}")
                yield Input(f"{present[name]:g}", id=name, compact=True)
        with Horizontal(classes="model-form--switches"):
            for name in SWITCHES:
                yield Tick(name.replace("_", " "), present[name], id=name, compact=True)
        yield Label("", classes="dialog--note", markup=False)
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        with Horizontal(classes="dialog--buttons"):
            yield Button("Start", variant="primary", compact=True, id="start")
            yield Button("Cancel", compact=True, id="cancel")

    def on_mount(self) -> None:
        """Starts with a checked form."""
        self._check()

    def _values(self) -> Iterator[tuple[str, object]]:
        yield "cell", self.query_one("#cell", Select).value
        yield "optimizer", self.query_one("#optimizer", Select).value
        for name in _NUMBERS:
            yield name, self.query_one(f"#{name}", Input).value.strip()
        for name in SWITCHES:
            yield name, self._takes(name) and self.query_one(f"#{name}", Checkbox).value

    def _takes(self, switch: str) -> bool:
        """Whether the chosen cell has that option."""
        select: Select[CellName] = self.query_one("#cell", Select)
        return isinstance(select.value, str) and switch in CELLS[select.value].switches

    def _check(self) -> RunConfig | None:
        """The current settings; None, and a line that says why, if the library would not accept them."""
        for name in SWITCHES:
            self.query_one(f"#{name}", Checkbox).disabled = not self._takes(name)
        try:
            config = self._config.with_options(dict(self._values()))
            network = config.network_for(self._text)
            memory.check(network, config.training, len(self._text))
        except ArgumentError as error:
            self._say(str(error))
            return None
        self._say("", f"{network.num_parameters:,} parameters")
        return config

    def _say(self, error: str, note: str = "") -> None:
        wrong, colon, problem = error.partition(":")
        for name in _NUMBERS:
            self.query_one(f"#label-{name}", Label).set_class(name == wrong, "-wrong")
        self.show_error(_NUMBERS.get(wrong, wrong.replace("_", " ")) + colon + problem)
        line = self.query_one(".dialog--note", Label)
        line.update(note)
        line.display = bool(note)
        self.query_one("#start", Button).disabled = bool(error)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Checks."""
        self._check()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Checks."""
        self._check()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Checks."""
        self._check()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Starts."""
        self.action_start()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start or cancel."""
        if event.button.id == "start":
            self.action_start()
        else:
            self.dismiss(None)

    def action_start(self) -> None:
        """Return the settings, if they are valid."""
        if (config := self._check()) is not None:
            self.dismiss(config)
