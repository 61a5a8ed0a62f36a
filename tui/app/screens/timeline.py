"""The timeline: one prompt, continued by the network of every step that was kept, from noise to text."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input, Label

from lstm_ext.errors import DataError
from lstm_ext.files import write_atomically
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tensors import SUFFIX, checkpoint_path
from lstm_ext.train.timeline import Frame, Timeline, save_timeline
from lstm_lab.runs.known import TIMELINE, network_name

from ...text.timeline import Told, as_csv, default_prompt
from ...text.visible import visible
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, NETWORK, bind
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.timeline_slider import Place, TimelineSlider
from ..widgets.written_text import FilmStrip, NextBars, WrittenText
from .dialog import Dialog
from .files import FILE_ERRORS, SaveFile, one_line

#: Characters that are written at each step.
LENGTH = 400
#: Seconds for which playing shows each step, and between two looks for new ones.
_PLAY, _REST = 0.35, 1.0


class AskPrompt(Dialog[str]):
    """Asks for a prompt; ``check`` raises where the network cannot read it."""

    TITLE_TEXT = "What to continue"
    HINT = "enter write · esc cancel"

    def __init__(self, prompt: str, check: Callable[[str], object]) -> None:
        super().__init__()
        self._prompt, self._check = prompt, check

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input(self._prompt.replace("\n", "\\n"), max_length=200, compact=True)
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        yield Label("\\n is a line's end", classes="dialog--note", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """An error was about another prompt."""
        self.show_error("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the prompt if it can be read."""
        prompt = event.value.replace("\\n", "\n")
        if not prompt:
            self.show_error("prompt: got nothing, expected at least one character")
            return
        try:
            self._check(prompt)
        except DataError as error:
            self.show_error(one_line(error))
        else:
            self.dismiss(prompt)


class TimelineScreen(Screen[None]):
    """Writes for every frame in the background, the one that is looked at first; new frames of a run are added."""

    CSS_PATH = "timeline.tcss"
    AUTO_FOCUS = ""
    HELP_TITLE = "Timeline"
    HELP = (
        "While a network learns, its weights are kept at steps that lie ever further apart. Here each of those "
        "networks continues the same prompt with the same random numbers. Left and right move through the training; "
        "space plays it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("timeline.back", "left,up", "move(-1)", "earlier", "The step before", LOOKING),
        bind("timeline.on", "right,down", "move(1)", "later", "The step after", LOOKING),
        bind("timeline.first", "home", "go(0)", "first", "Before training", LOOKING),
        bind("timeline.last", "end", "go(-1)", "last", "The last step", LOOKING),
        bind("timeline.play", "space", "play", "play", "Play from here, or from the start", LOOKING, on_bar=True),
        bind("timeline.stop", "space", "stop", "stop", "Stop playing", LOOKING, on_bar=True),
        bind("timeline.close", "escape", "close", "close", "Back", LOOKING, on_bar=True),
        bind("timeline.prompt", "p", "prompt", "prompt", "Continue another text", LOOKING, on_bar=True),
        bind("timeline.warmer", "t", "temperature(0.1)", "warmer", "Higher temperature: wilder", LOOKING, on_bar=True),
        bind("timeline.colder", "T", "temperature(-0.1)", "colder", "Lower temperature: tamer", LOOKING),
        bind("timeline.seed", "n", "another", "redraw", "Other random numbers", LOOKING, on_bar=True),
        bind("timeline.save", "w", "save", "save", "Save the timeline, for later or for others", NETWORK, on_bar=True),
        bind("timeline.export", "e", "export", "export", "Write the texts or a picture", NETWORK, on_bar=True),
    ]

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self.timeline = timeline
        self.prompt = default_prompt(timeline)
        self.temperature, self.seed = 0.8, 1
        self.playing = False
        #: The step that is looked at, and whether that is the last one, whichever it is.
        self._step, self._follows = timeline.frames[-1].step, True
        #: What was written with the present prompt, by step.
        self._told: dict[int, Told] = {}

    def compose(self) -> ComposeResult:
        """The slider; the text beside what was expected next; where there is room, all steps."""
        yield TitleBar(id="title")
        yield TimelineSlider(id="slider")
        with Horizontal(id="middle"):
            yield WrittenText(id="written")
            yield NextBars(id="next")
        yield FilmStrip(id="film")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Write, and look for new frames now and then."""
        self.query_one(TitleBar).show(
            f"timeline · {visible(os.path.basename(self.timeline.text))[-24:]} · {network_name(self.timeline.config)}"
        )
        self.set_interval(_REST, self._look)
        self.set_interval(_PLAY, self._advance)
        self._show()
        self.write()

    # Writing.

    def _look(self) -> None:
        """A run goes on: there may be new frames."""
        if self.is_current and any(frame.step not in self._told for frame in self.timeline.frames):
            if self._follows:
                self._step = self.timeline.frames[-1].step
            self._show()
            self.write()

    @work(exclusive=True, group="write")
    async def write(self) -> None:
        """Let every frame's network write that has not yet, the one looked at first."""
        model: LanguageModel | None = None
        while missing := [frame for frame in self.timeline.frames if frame.step not in self._told]:
            frame = min(missing, key=lambda frame: (frame.step != self._step, frame.step))
            try:
                if model is None:
                    model = await asyncio.wrap_future(in_background(self.timeline.model))
                told = await asyncio.wrap_future(in_background(partial(self._tell, model, frame)))
            except FILE_ERRORS as error:
                self.app.notify(one_line(error), severity="error")
                return
            self._told[frame.step] = told
            self._show()

    def _tell(self, model: LanguageModel, frame: Frame) -> Told:
        written = self.timeline.write(model, frame, self.prompt, LENGTH, temperature=self.temperature, seed=self.seed)
        return Told.of(frame, written, self.timeline.vocabulary)

    def _begin_again(self) -> None:
        """With another prompt, temperature or seed."""
        self._told = {}
        self._show()
        self.write()

    # Looking.

    @property
    def place(self) -> Place:
        """The frame that is looked at, or the nearest one, if it has been dropped meanwhile."""
        frames = self.timeline.frames
        index = min(range(len(frames)), key=lambda index: abs(frames[index].step - self._step))
        return Place(frames, index, self.playing)

    def _show(self) -> None:
        if not all(self.query(part) for part in (TimelineSlider, WrittenText, NextBars, FilmStrip)):
            return  # a text was written while the screen was being closed
        place = self.place
        told = self._told.get(place.frame.step)
        note = f"temperature {self.temperature:.1f} · seed {self.seed}"
        with self.app.batch_update():
            self.query_one(TimelineSlider).show(place)
            self.query_one(WrittenText).show(self.prompt, told, note)
            self.query_one(NextBars).show(told)
            self.query_one(FilmStrip).show([self._told.get(frame.step) for frame in place.frames], place.index)

    def _advance(self) -> None:
        place = self.place
        if self.playing and self.is_current and place.frame.step in self._told:
            if place.index + 1 < len(place.frames):
                self._go(place.index + 1)
            else:
                self.action_stop()

    def _go(self, index: int) -> None:
        frames = self.timeline.frames
        frame = frames[max(-len(frames), min(index, len(frames) - 1))]
        self._step, self._follows = frame.step, frame is frames[-1]
        self._show()

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Play or stop."""
        if action in ("play", "stop"):
            return (action == "stop") == self.playing
        return True

    def action_move(self, step: int) -> None:
        """Go on or back in time."""
        self.action_go(max(0, self.place.index + step))

    def action_go(self, index: int) -> None:
        """Go to a frame; −1 is the last."""
        self.playing = False
        self._go(index)
        self.refresh_bindings()

    def action_play(self) -> None:
        """Play from here; at the end, from the start."""
        if self.place.index == len(self.place.frames) - 1:
            self._go(0)
        self.playing = True
        self._show()
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Stop playing."""
        self.playing = False
        self._show()
        self.refresh_bindings()

    @work(exclusive=True, group="dialog")
    async def action_prompt(self, prompt: str = "") -> None:
        """Continue this text; without one, ask for it."""
        if not prompt:
            dialog = AskPrompt(self.prompt, self.timeline.vocabulary.encode)
            given: str | None = await self.app.push_screen_wait(dialog)
            prompt = given or ""
        if prompt:
            self.prompt = prompt
            self._begin_again()

    def action_temperature(self, change: float) -> None:
        """Draw more boldly or more carefully."""
        self.temperature = min(2.0, max(0.0, round(self.temperature + change, 1)))
        self._begin_again()

    def action_another(self) -> None:
        """Other random numbers."""
        self.seed += 1
        self._begin_again()

    def action_close(self) -> None:
        """Back to where it was opened."""
        self.dismiss(None)

    @work(exclusive=True, group="dialog")
    async def action_save(self) -> None:
        """Write the weights of all frames to a file."""
        name = self._file_name(TIMELINE + SUFFIX)
        dialog = SaveFile("Save the timeline", name, partial(save_timeline, self.timeline), rule=checkpoint_path)
        path = await self.app.push_screen_wait(dialog)
        if path is not None:
            self.app.notify(f"Saved {path}", timeout=3)

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write what was written at each step, or a picture of the screen."""
        picture = self.app.export_screenshot()
        told = [self._told[frame.step] for frame in self.timeline.frames if frame.step in self._told]
        about = {"prompt": self.prompt, "temperature": self.temperature, "seed": self.seed, "data": self.timeline.text}

        def write(path: str) -> None:
            suffix = os.path.splitext(export_path(path))[1].lower()
            as_json = json.dumps({**about, "steps": [each.as_dict() for each in told]}) + "\n"
            write_atomically(path, {".csv": as_csv(told), ".json": as_json, ".svg": picture}[suffix])

        note = "the suffix decides: .csv or .json for the texts, .svg for a picture of the screen"
        name = self._file_name("-timeline.csv")
        path = await self.app.push_screen_wait(SaveFile("Export", name, write, rule=export_path, note=note))
        if path is not None:
            self.app.notify(f"Wrote {path}", timeout=3)

    def _file_name(self, suffix: str) -> str:
        config = self.timeline.config
        return file_name(self.timeline.text, config.cell, config.hidden_size, suffix)
