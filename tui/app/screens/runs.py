"""The Runs screen: past runs and their checkpoints, to be continued, compared, looked into, named or deleted."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input, Label

from lstm_ext.files import write_atomically
from lstm_ext.tensors import SUFFIX, checkpoint_path
from lstm_ext.train.timeline import Timeline, load_timeline
from lstm_lab.runs import files
from lstm_lab.runs.known import KnownRuns, Run
from lstm_lab.runs.order import ORDERS, arranged
from lstm_lab.runs.registry import Registry

from ...text import curve
from ...text.runs import as_dict, facts, title
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, NETWORK, bind
from ..overlay import Overlay
from ..recovery import Recovery
from ..session import Session
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.loss_curve import LossCurve
from ..widgets.run_facts import RunFacts
from ..widgets.run_list import RunChoice, RunList
from .dialog import Ask, Dialog
from .files import FILE_ERRORS, OpenFile, SaveFile, one_line
from .timeline import TimelineScreen

#: Seconds between two looks at the files.
_REST = 3.0


class Lab(Protocol):
    """What this screen asks of the app."""

    async def bring(self, mode: str) -> Screen[Any]:
        """Switch to the screen of a mode."""


class AskName(Dialog[str]):
    """Asks for another name of a run's file, and gives it; the result is the new path."""

    TITLE_TEXT = "Rename"
    HINT = "enter rename · esc cancel"

    def __init__(self, run: Run, registry: Registry) -> None:
        super().__init__()
        self._run, self._registry = run, registry

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input(self._run.name, compact=True)
        error = Label("", classes="dialog--error", markup=False)
        error.display = False
        yield error
        yield Label("in the same folder; nothing is replaced", classes="dialog--note", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """An error was about another name."""
        self.show_error("")

    @work(exclusive=True)
    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Rename it."""
        name = event.value.strip()
        try:
            path = await asyncio.wrap_future(in_background(partial(files.rename, self._run, name, self._registry)))
        except FILE_ERRORS as error:
            self.show_error(one_line(error))
        else:
            self.dismiss(path)


class RunsScreen(Screen[None]):
    """Looks for runs again and again in the background, and shows them."""

    CSS_PATH = "runs.tcss"
    AUTO_FOCUS = ""
    HELP_TITLE = "Runs"
    HELP = (
        "Every run that was saved or opened, those in the current folder, and training that was left without saving. "
        "Enter continues one in Train; o draws its curve behind the current one; g looks into its gates, w walks "
        "through it. Nothing is deleted without a question."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("runs.open", "enter", "open", "continue", "Continue this run in Train", NETWORK, on_bar=True),
        bind("runs.overlay", "o", "overlay", "overlay", "Draw its curve behind the one in Train", NETWORK, on_bar=True),
        bind("runs.gates", "g", "gates", "gates", "Look into its gates", NETWORK, on_bar=True),
        bind("runs.step", "w", "walk", "step", "Walk through its network, gate by gate", NETWORK),
        bind("runs.timeline", "t", "timeline", "timeline", "What it wrote along its training", NETWORK, on_bar=True),
        bind("runs.rename", "n", "rename", "rename", "Another name for its file", NETWORK, on_bar=True),
        bind("runs.keep", "n", "keep", "save as", "Save it under a name", NETWORK, on_bar=True),
        bind("runs.delete", "D,delete", "delete", "delete", "Delete its file; asks first", NETWORK, on_bar=True),
        bind("runs.forget", "D,delete", "forget", "forget", "Take it off the list", NETWORK, on_bar=True),
        bind("runs.forget_gone", "F", "forget_gone", "forget all", "Take all that are gone off the list", NETWORK),
        bind("runs.export", "e", "export", "export", "Write its curve or a picture", NETWORK, on_bar=True),
        bind("runs.sort", "s", "next_order", "sort", "Sort by something else", LOOKING, on_bar=True),
        bind("runs.filter", "slash", "filter", "filter", "Show those with some words", LOOKING, on_bar=True),
        bind("runs.all", "escape", "show_all", "all", "Show all of them again", LOOKING, on_bar=True),
        bind("runs.up", "up", "move(-1)", "up", "The run above", LOOKING),
        bind("runs.down", "down", "move(1)", "down", "The run below", LOOKING),
        bind("runs.pageup", "pageup", "page(-1)", "page up", "A page up", LOOKING),
        bind("runs.pagedown", "pagedown", "page(1)", "page down", "A page down", LOOKING),
        bind("runs.first", "home", "go(0)", "first", "The first run", LOOKING),
        bind("runs.last", "end", "go(-1)", "last", "The last run", LOOKING),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._known = KnownRuns(session.registry, session.unsaved_folder)
        self._runs: list[Run] | None = None
        self._order, self._words = next(iter(ORDERS)), ""
        #: The path under the cursor.
        self._path = ""
        self._looking = False

    def compose(self) -> ComposeResult:
        """The list above; what is known of the one under the cursor below."""
        yield TitleBar(id="title")
        yield RunList(id="list")
        with Horizontal(id="lower"):
            yield RunFacts(id="facts")
            yield LossCurve(id="curve", empty="no losses to draw")
        yield Input(id="words", placeholder="words in the name, text or network", compact=True)
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Look for runs."""
        self.set_interval(_REST, self.look)
        self.look()

    def on_screen_resume(self) -> None:
        """Others may have been written meanwhile."""
        self.look()

    @work(group="look")
    async def look(self) -> None:
        """Find the runs in the background, and show them."""
        if self._looking or not self.is_current:
            return
        self._looking = True
        try:
            find = partial(self._known.find, without=self.session.recovery_paths())
            self._runs = await asyncio.wrap_future(in_background(find))
        except FILE_ERRORS as error:
            self.app.notify(one_line(error), severity="error")
            return
        finally:
            self._looking = False
        self._show()

    @property
    def choice(self) -> RunChoice | None:
        """What the list shows; keys may be asked for before it is there."""
        lists = self.query(RunList)
        return lists.first().choice if lists else None

    @property
    def run(self) -> Run | None:
        """The one under the cursor."""
        return self.choice.run if self.choice else None

    def _show(self) -> None:
        """Show what was found; the cursor stays on its run, or else in its place."""
        if self._runs is None:
            return
        found = arranged(self._runs, self._order, self._words)
        paths = [run.path for run in found]
        before = self.choice.cursor if self.choice else 0
        cursor = paths.index(self._path) if self._path in paths else min(before, max(0, len(found) - 1))
        self._path = paths[cursor] if paths else ""
        over = {overlay.path for overlay in self.session.laid_over}
        total = sum(1 + len(run.earlier) for run in self._runs)
        choice = RunChoice(found, total, cursor, self._order, self._words, over)
        unsaved = sum(run.kind == "unsaved" for run in self._runs)
        with self.app.batch_update():
            self.query_one(RunList).show(choice)
            self.query_one(RunFacts).show(choice.run)
            drawn = self.query_one(LossCurve)
            drawn.show(None if choice.run is None else choice.run.curve)
            drawn.show_overlays([each for each in self.session.laid_over if each.path != self._path])
            self.query_one(TitleBar).show(
                f"{total} run{'s' * (total != 1)}" + (f" · {unsaved} unsaved" if unsaved else "")
            )
        self.refresh_bindings()

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense for the run under the cursor."""
        run = self.run
        if action in ("open", "overlay", "gates", "walk", "export"):
            return run is not None and run.header is not None
        if action == "rename":
            return run is not None and not run.gone and run.kind != "unsaved"
        if action == "keep":
            return run is not None and run.kind == "unsaved"
        if action == "delete":
            return run is not None and not run.gone
        if action == "forget":
            return run is not None and run.gone
        if action == "forget_gone":
            return any(run.gone for run in self._runs or ())
        if action == "show_all":
            return bool(self._words) or self.has_class("-filtering")
        return True

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        if self.choice is not None:
            self.action_go(max(0, self.choice.cursor + step))

    def action_page(self, direction: int) -> None:
        """Move the cursor by a page."""
        self.action_move(direction * max(1, self.query_one(RunList).size.height - 3))

    def action_go(self, index: int) -> None:
        """Move the cursor to a run; −1 is the last."""
        if self.choice is not None and self.choice.runs:
            runs = self.choice.runs
            self._path = runs[index if index < 0 else min(index, len(runs) - 1)].path
            self._show()

    def action_next_order(self) -> None:
        """Sort by the next thing."""
        orders = list(ORDERS)
        self.action_sort(orders[(orders.index(self._order) + 1) % len(orders)])

    def action_sort(self, order: str) -> None:
        """Sort by this."""
        self._order = order
        self._show()

    def action_filter(self, words: str | None = None) -> None:
        """Show the runs that have these words; without any, ask for them."""
        if words is None:
            self.add_class("-filtering")
            self.query_one(Input).focus()
            return
        self._words = words.strip()
        self._show()

    def action_show_all(self) -> None:
        """Show all runs."""
        self.remove_class("-filtering")
        self.set_focus(None)
        self.query_one(Input).value = ""
        self.action_filter("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """The list follows what is typed."""
        self.action_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list."""
        self.remove_class("-filtering")
        self.set_focus(None)

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        """Continue the run under the cursor in Train."""
        run = self.run
        if run is not None:
            screen = await cast(Lab, self.app).bring("train")
            action = "recover" if run.kind == "unsaved" else "load"
            await screen.run_action(f"{action}({run.path!r})")

    def action_overlay(self) -> None:
        """Draw its curve behind the current one, or no longer."""
        run = self.run
        if run is None or run.curve is None:
            return
        if run.path in {overlay.path for overlay in self.session.laid_over}:
            self.session.take_away(run.path)
        else:
            best = run.loss if run.validated else None
            name = f"{run.network} {os.path.basename(run.path)}"
            self.session.lay_over(Overlay(name, run.curve, best, run.path))
        self._show()

    @work(exclusive=True, group="dialog")
    async def action_gates(self) -> None:
        """Look into its gates."""
        run = self.run
        if run is not None:
            screen = await cast(Lab, self.app).bring("gates")
            await screen.run_action(f"load({run.path!r})")

    @work(exclusive=True, group="dialog")
    async def action_walk(self) -> None:
        """Walk through its network."""
        run = self.run
        if run is not None:
            screen = await cast(Lab, self.app).bring("step")
            await screen.run_action(f"load({run.path!r})")

    @work(exclusive=True, group="dialog")
    async def action_timeline(self) -> None:
        """What its network would have written along its training; without a file of that name, ask for one."""
        run = self.run
        try:
            if run is not None and run.timeline:
                timeline: Timeline | None = await asyncio.wrap_future(
                    in_background(partial(load_timeline, run.timeline))
                )
            else:
                dialog = OpenFile("A timeline that was saved", load_timeline, suffix=SUFFIX)
                timeline = await self.app.push_screen_wait(dialog)
        except FILE_ERRORS as error:
            self.app.notify(one_line(error), severity="error")
        else:
            if timeline is not None:
                self.app.push_screen(TimelineScreen(timeline))

    @work(exclusive=True, group="dialog")
    async def action_rename(self) -> None:
        """Ask for another name of its file."""
        run = self.run
        if run is not None:
            path = await self.app.push_screen_wait(AskName(run, self.session.registry))
            if path is not None:
                self._path = path
                self.look()

    @work(exclusive=True, group="dialog")
    async def action_keep(self) -> None:
        """Save training that was left without saving."""
        run = self.run
        if run is None:
            return

        def keep(path: str) -> None:
            recovery = Recovery(Path(run.path))
            try:
                recovery.copy(path)
                self.session.registry.remember_run(path)
                recovery.clear()
            finally:
                recovery.release()

        name = "run.safetensors"
        if run.header is not None:
            config = run.header.config
            name = file_name(run.header.text.name, config.cell, config.hidden_size, ".safetensors")
        path = await self.app.push_screen_wait(SaveFile("Save a checkpoint", name, keep, rule=checkpoint_path))
        if path is not None:
            self.app.notify(f"Saved {path}", timeout=3)
            self.look()

    @work(exclusive=True, group="dialog")
    async def action_delete(self) -> None:
        """Delete its file, once that is confirmed."""
        run = self.run
        if run is None:
            return
        known = facts(run)
        question = f"{known['file']}: {known.get('done', 'damaged')}. It is gone for good then."
        answers = [("keep", "Keep it", "k"), ("delete", "Delete", "d")]
        if await self.app.push_screen_wait(Ask(f"Delete {title(run)}", question, answers)) == "delete":
            await self._delete(run)

    @work(exclusive=True, group="dialog")
    async def action_forget(self) -> None:
        """Take a file that is gone off the list."""
        if self.run is not None:
            await self._delete(self.run)

    @work(exclusive=True, group="dialog")
    async def action_forget_gone(self) -> None:
        """Take all files that are gone off the list."""
        forget = partial(files.forget_gone, self._runs or (), self.session.registry)
        await asyncio.wrap_future(in_background(forget))
        self.look()

    async def _delete(self, run: Run) -> None:
        try:
            await asyncio.wrap_future(in_background(partial(files.delete, run, self.session.registry)))
        except FILE_ERRORS as error:
            self.app.notify(one_line(error), severity="error")
        self.look()

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write its curve or a picture of the screen."""
        run = self.run
        if run is None or run.curve is None:
            return
        picture, history = self.app.export_screenshot(), run.curve

        def write(path: str) -> None:
            writers = {
                ".csv": lambda: curve.as_csv(history),
                ".json": lambda: curve.as_json(history, as_dict(run)),
                ".svg": lambda: picture,
            }
            write_atomically(path, writers["." + export_path(path).rpartition(".")[2].lower()]())

        note = "the suffix decides: .csv or .json for its curve, .svg for a picture of the screen"
        dialog = SaveFile("Export", f"{run.name}.csv", write, rule=export_path, note=note)
        path = await self.app.push_screen_wait(dialog)
        if path is not None:
            self.app.notify(f"Wrote {path}", timeout=3)
