"""The form for measuring an experiment: quick or not, how many seeds and processes."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Iterator
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal
from textual.widgets import Button, Checkbox, Input, Label

from lstm_ext.errors import ArgumentError, LabError
from lstm_ext.experiments import Experiment, load
from lstm_ext.experiments.runner import cells, kept

from ...outcomes import run_directory
from ..background import in_background
from ..session import THREADS
from .dialog import Dialog
from .model_form import Tick

#: Processes: the cores that training leaves free.
JOBS = max(1, (os.cpu_count() or 1) - THREADS)
MOST_SEEDS, MOST_JOBS = 1000, 256


class ExperimentForm(Dialog[str]):
    """Asks how an experiment is to be measured; the result is the arguments of `lstm-lab experiment`."""

    DEFAULT_CSS = """
    ExperimentForm Grid { grid-size: 4; grid-columns: 10 1fr 12 1fr; grid-gutter: 0 1; height: auto; margin-top: 1; }
    ExperimentForm Grid Label { color: $muted; }
    ExperimentForm .experiment-form--switches { height: 1; }
    ExperimentForm Checkbox { margin-right: 3; background: $surface; }
    ExperimentForm .dialog--note { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "start", "Start", show=False)]
    HINT = "enter measure · tab next · esc cancel"

    def __init__(self, experiment: Experiment, quick_seconds: float | None) -> None:
        super().__init__()
        self.TITLE_TEXT = f"Measure {experiment.name}"
        self._experiment, self._quick_seconds = experiment, quick_seconds

    def compose_body(self) -> ComposeResult:
        """Switches, two or three fields, what that comes to, and buttons."""
        with Horizontal(classes="experiment-form--switches"):
            yield Tick("quick: fewer and shorter runs", True, id="quick", compact=True)
            yield Tick("repeat what is kept", False, id="fresh", compact=True)
        with Grid():
            yield Label("seeds")
            yield Input(str(self._experiment.quick_seeds), id="seeds", compact=True)
            yield Label("processes")
            yield Input(str(JOBS), id="jobs", compact=True)
        if self._experiment.reads:
            yield Label(f"data: {self._experiment.reads}", classes="dialog--note", markup=False)
            yield Input("", placeholder="a file, or nothing for the experiment's own", id="data", compact=True)
        yield Label("", classes="dialog--note", id="sum", markup=False)
        yield Label("", classes="dialog--error", markup=False)
        with Horizontal(classes="dialog--buttons"):
            yield Button("Measure", variant="primary", compact=True, id="start")
            yield Button("Cancel", compact=True, id="cancel")

    def on_mount(self) -> None:
        """Count the runs."""
        self.show_error("")
        self.query_one("#seeds", Input).focus()  # where Enter measures
        self._count()

    def _whole(self, name: str, most: int) -> int:
        """A field's number. Raises ArgumentError."""
        typed = self.query_one(f"#{name}", Input).value.strip()
        if not (typed.isascii() and typed.isdigit() and 1 <= int(typed) <= most):
            label = {"seeds": "seeds", "jobs": "processes"}[name]
            raise ArgumentError(f"{label}: got {typed or 'nothing'}, expected a whole number from 1 to {most}")
        return int(typed)

    @property
    def _data(self) -> str:
        return self.query_one("#data", Input).value.strip() if self._experiment.reads else ""

    def _arguments(self) -> Iterator[str]:
        """Raises ArgumentError."""
        yield self._experiment.name
        if self.query_one("#quick", Checkbox).value:
            yield "--quick"
        yield from ("--seeds", str(self._whole("seeds", MOST_SEEDS)), "--jobs", str(self._whole("jobs", MOST_JOBS)))
        if self._data:
            yield from ("--data", os.path.expanduser(self._data))
        if self.query_one("#fresh", Checkbox).value:
            yield "--fresh"

    @work(exclusive=True, group="count")
    async def _count(self) -> None:
        """Say what there is to measure, and what is kept from earlier."""
        try:
            seeds, data = self._whole("seeds", MOST_SEEDS), self._data
            self._whole("jobs", MOST_JOBS)
        except ArgumentError as error:
            self._say(str(error), "")
            return
        quick, fresh = self.query_one("#quick", Checkbox).value, self.query_one("#fresh", Checkbox).value
        name = self._experiment.name

        def count() -> tuple[int, int]:
            experiment = load(name, os.path.expanduser(data)) if data else self._experiment
            planned = cells(experiment, range(seeds), quick, run_directory())
            return len(planned), 0 if fresh else sum(kept(cell) is not None for cell in planned)

        try:
            planned, there = await asyncio.wrap_future(in_background(count))
        except (LabError, OSError) as error:
            self._say(str(error), "")
            return
        words = f"{planned:,} runs"
        if there:
            words += f", of which {there:,} are kept from earlier"
        if quick and self._quick_seconds and not data:
            minutes = self._quick_seconds * seeds / self._experiment.quick_seeds * (planned - there) / planned / 60
            words += "; a minute or less" if minutes <= 1 else f"; about {minutes:.0f} minutes in one process"
        self._say("", words)

    def _say(self, error: str, words: str) -> None:
        self.show_error(error)
        self.query_one("#sum", Label).update(words)
        self.query_one("#start", Button).disabled = bool(error)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Counts."""
        self._count()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Counts; quick has its own number of seeds."""
        seeds = self.query_one("#seeds", Input)
        usual = {str(self._experiment.seeds), str(self._experiment.quick_seeds)}
        if event.checkbox.id == "quick" and seeds.value.strip() in usual:
            seeds.value = str(self._experiment.quick_seeds if event.value else self._experiment.seeds)
        self._count()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Measures."""
        self.action_start()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Measure or cancel."""
        if event.button.id == "start":
            self.action_start()
        else:
            self.dismiss(None)

    def action_start(self) -> None:
        """Return the arguments, if they are valid."""
        if self.query_one("#start", Button).disabled:
            return
        try:
            self.dismiss(shlex.join(self._arguments()))
        except ArgumentError as error:
            self._say(str(error), "")
