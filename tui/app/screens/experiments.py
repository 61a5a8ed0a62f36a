"""The Experiments screen: questions that the lab answers by measuring, their figures, and outcomes side by side."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input

from lstm_ext.errors import ArgumentError, LabError
from lstm_ext.experiments import SUBJECTS, Report, load
from lstm_ext.experiments.charts import COLOURS, COLOURS_ON_DARK, LineChart, save_charts
from lstm_ext.experiments.export import as_csv
from lstm_ext.experiments.records import Record
from lstm_ext.files import write_atomically
from lstm_ext.visualization.drawing import RGB, Glyphs
from lstm_ext.visualization.figures import has_matplotlib

from ...outcomes import outcomes
from ...text.experiments import (
    answer,
    comparison_lines,
    facts,
    figure_lines,
    prose,
    tables,
    variant_lines,
    when,
    written,
)
from ...text.units import clock
from ..background import in_background
from ..keys import LOOKING, MEASURING, bind
from ..measuring import Progress
from ..pacing import frames_per_second, output_waits
from ..session import Session
from ..shown import State, flag, word
from ..theme import ThemedApp
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.experiment_head import ExperimentHead
from ..widgets.experiment_list import Entry, ExperimentList
from ..widgets.page import Page, Tab
from .experiment_form import ExperimentForm
from .files import SaveFile

View = Literal["figure", "table", "answer", "compare", "runs"]
VIEWS: tuple[View, ...] = ("figure", "table", "answer", "compare", "runs")
#: Columns from which the answer stands beside the figure.
_BROAD = 160
#: The widest and the highest that curves are drawn, and the lowest.
_WIDEST, _HIGHEST, _LOWEST = 110, 36, 8
#: Seconds between two drawings of clocks.
_CLOCK = 0.5
#: What an outcome's file may be.
SUFFIXES = (".csv", ".json", ".svg", ".png", ".pdf")


class ExperimentsScreen(Screen[None]):
    """Measures in another process, which goes on when another screen is shown; reads and draws in the background."""

    CSS_PATH = "experiments.tcss"
    HELP_TITLE = "Experiments"
    HELP = (
        "Questions about recurrent networks, each answered by measuring several variants with several seeds. Every "
        "experiment comes with the outcome that the documentation shows. Measure it yourself, quick or in full: the "
        "figure is drawn as soon as the first seed is complete, finished runs are kept, and the measuring continues "
        "while you use other screens. Then compare: what differs beyond the spread of the seeds is marked."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("experiments.open", "enter", "open", "open", "Open the experiment", MEASURING, on_bar=True),
        bind("experiments.list", "escape", "list", "list", "Back to all experiments", MEASURING, on_bar=True),
        bind("experiments.measure", "m", "ask_to_measure", "measure", "Measure it", MEASURING, on_bar=True),
        bind("experiments.stop", "x", "stop", "stop", "Stop measuring; finished runs are kept", MEASURING, on_bar=True),
        bind("experiments.filter", "slash", "filter", "filter", "Only those about some words", LOOKING, on_bar=True),
        *(
            bind(f"experiments.{view}", view[0], f"view('{view}')", view, what, LOOKING)
            for view, what in {
                "figure": "Its figure, and what was found",
                "table": "Its tables",
                "answer": "What was found, and what course texts say",
                "compare": "This outcome beside another one",
                "runs": "The runs, one by one",
            }.items()
        ),
        bind("experiments.right", "right", "turn(1)", "page", "The next page", LOOKING, on_bar=True),
        bind("experiments.left", "left", "turn(-1)", "page back", "The page before", LOOKING),
        bind(
            "experiments.older", "left_square_bracket", "outcome(1)", "older", "An older outcome", LOOKING, on_bar=True
        ),
        bind("experiments.newer", "right_square_bracket", "outcome(-1)", "newer", "A newer outcome", LOOKING),
        bind("experiments.other", "o", "other", "other", "Compare with another outcome", LOOKING, on_bar=True),
        bind("experiments.next", "n", "go(1)", "next", "The next experiment", LOOKING),
        bind("experiments.previous", "p", "go(-1)", "previous", "The experiment before", LOOKING),
        bind("experiments.export", "e", "export", "export", "Write its numbers or its figure", MEASURING, on_bar=True),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.entries: dict[str, Entry] = {}
        #: The experiment that is to be opened as soon as it is read.
        self._wanted = ""
        #: The experiment that is open; empty: the list is shown.
        self.opened = ""
        self.view: View = "figure"
        #: Which outcome is shown, and which one beside it, counted from the newest.
        self.place, self.other = 0, 1
        #: What follows from outcomes, and from how many seeds; None: this version can make nothing of it.
        self._reports: dict[tuple[str, str], tuple[int, Report | None]] = {}
        self._drawing = False
        #: The outcome so far of what is being measured, and when that was.
        self._live: tuple[Progress, Record] | None = None
        self._words = ""
        #: What is measured, or was measured last, as the last tick saw it; and when clocks were drawn.
        self.progress: Progress | None = None
        self._drawn = 0.0

    def compose(self) -> ComposeResult:
        """The list with a card, or an experiment with its pages."""
        yield TitleBar(id="title")
        yield Input(placeholder="words of a name, a question or a method", compact=True, id="filter")
        with Container(id="catalogue"):
            yield ExperimentList(id="list")
            yield Page(id="card")
        with Vertical(id="outcome"):
            yield ExperimentHead(id="head")
            with Horizontal(id="pages"):
                yield Page(id="page")
                yield Page(id="beside")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Read what there is."""
        self.query_one("#card").can_focus = False
        self.query_one(ExperimentList).focus()
        self._read_all()
        self.set_interval(1 / frames_per_second(), self._tick)

    def on_screen_resume(self) -> None:
        """More may be measured by now."""
        self._draw_report()

    def on_resize(self) -> None:
        """The answer stands beside the figure where there is room."""
        self.set_class(self.size.width >= _BROAD, "-broad")
        self._show()

    def notify_style_update(self) -> None:
        """Figures have other colours in another theme."""
        super().notify_style_update()
        if self.is_mounted:
            self._show()

    # What there is.

    @work(exclusive=True, group="read")
    async def _read_all(self) -> None:
        await self._read()

    async def _read(self) -> None:
        def read() -> dict[str, Entry]:
            return {
                name: Entry(load(name), subject, outcomes(name))
                for subject, names in SUBJECTS.items()
                for name in names
            }

        self.entries = await asyncio.wrap_future(in_background(read))
        if self._wanted in self.entries:
            self.action_open(self._wanted)
        self._wanted = ""
        self._show()
        self._draw_report()

    @property
    def entry(self) -> Entry | None:
        """The experiment that is open, or marked on the list."""
        return self.entries.get(self.opened or self.query_one(ExperimentList).chosen)

    def _progress_of(self, entry: Entry) -> Progress | None:
        progress = self.progress
        return progress if progress is not None and progress.name == entry.name else None

    def known(self, entry: Entry) -> list[Record]:
        """Its outcomes, that of the measuring under way first, as far as it is."""
        progress = self._progress_of(entry)
        if progress is None or not progress.running or not progress.whole_seeds:
            return list(entry.outcomes)
        if self._live is None or self._live[0] is not progress:
            seconds = sum(run.seconds for run in progress.done.values())
            self._live = (progress, Record.of(entry.name, progress.results, seconds))
        return [self._live[1], *entry.outcomes]

    @property
    def record(self) -> Record | None:
        """The outcome that is shown."""
        entry = self.entry
        known = [] if entry is None else self.known(entry)
        return known[min(self.place if self.opened else 0, len(known) - 1)] if known else None

    @property
    def compared(self) -> Record | None:
        """The outcome beside it."""
        entry = self.entry
        known = [] if entry is None else self.known(entry)
        return known[self.other % len(known)] if len(known) > 1 else None

    @property
    def report(self) -> Report | None:
        """What follows from the outcome that is shown, or from its first seeds; None until it is known."""
        record = self.record
        return None if record is None else self._reports.get(self._key(record), (0, None))[1]

    @work(group="report")
    async def _draw_report(self) -> None:
        """Make the figure and the tables of the outcome shown, in the background; one at a time, the last one last."""
        if self._drawing:
            return
        self._drawing = True
        try:
            while (entry := self.entry) is not None and (record := self.record) is not None:
                key, seeds = self._key(record), len(record.results.seeds)
                if self._reports.get(key, (0, None))[0] == seeds:
                    break
                report = await asyncio.wrap_future(in_background(partial(_report, entry, record)))
                self._reports[key] = (seeds, report)
                self._show()
        finally:
            self._drawing = False
        self._show()

    def _key(self, record: Record) -> tuple[str, str]:
        """What a report is remembered by; that of a measuring under way is replaced from seed to seed."""
        live = self._live is not None and record is self._live[1]
        return record.name, f"since {self._live[0].started}" if live and self._live is not None else record.when

    # Drawing.

    def _tick(self) -> None:
        if self.session.measuring is None:
            return
        before = self.progress
        progress = self.progress = self.session.measuring.progress
        if before is not None and before.started != progress.started:
            before = None
        if before is not None and before.running and not progress.running:
            self._ended(progress)
        if not self.is_current or output_waits(self.app):
            return
        now = time.monotonic()
        fresh = before is not progress
        if fresh or (progress.running and now - self._drawn >= _CLOCK):
            self._drawn = now
            whole = 0 if before is None else len(before.whole_seeds)
            entry = self.entry
            if len(progress.whole_seeds) != whole and progress.running and entry and entry.name == progress.name:
                self._draw_report()
            self._show()

    def _ended(self, progress: Progress) -> None:
        """Says how the measuring ended, and shows what came of it."""
        done, planned = len(progress.done), len(progress.planned)
        if self.opened == progress.name:
            self.place, self.other = 0, 1
        match progress.state:
            case "done":
                self.app.notify(f"{progress.name}: {planned} runs are measured", timeout=5)
                if self.opened == progress.name and self.view == "runs":
                    self.view = "figure"
            case "stopped":
                self.app.notify(f"{progress.name} is stopped; {done} of {planned} runs are kept", timeout=5)
            case _:
                self.app.notify(f"{progress.name}: {progress.problem}", severity="error", timeout=10)
        self.refresh_bindings()
        self._read_all()

    def _show(self) -> None:
        """Draw what is known now."""
        if not self.is_mounted:
            return
        progress, entry = self.progress, self.entry
        with self.app.batch_update():
            if self.opened and entry is not None:
                self._show_outcome(entry)
            else:
                self._show_list()
            subject = f"{len(self.entries)} experiments"
            if self.opened:
                subject = self.opened
            if progress is not None and progress.running:
                subject = f"measuring {progress.name} {len(progress.done)}/{len(progress.planned)}"
            self.query_one(TitleBar).show(subject)
        self.refresh_bindings()

    def _show_list(self) -> None:
        entries = [entry for entry in self.entries.values() if entry.about(self._words)]
        if self.entries:
            self.query_one(ExperimentList).show(entries, self.progress)
        entry = self.entry
        if entry is not None:
            self.query_one("#card", Page).show(partial(self._card, entry))

    def _show_outcome(self, entry: Entry) -> None:
        record, known, progress = self.record, self.known(entry), self._progress_of(entry)
        about = f"{when(record)}: {facts(record)}" if record is not None else "not measured yet: m measures it"
        place = f"outcome {min(self.place, len(known) - 1) + 1} of {len(known)}  [ ]" if len(known) > 1 else ""
        self.query_one(ExperimentHead).show(entry.experiment.question, about, place, progress)
        views = [view for view in VIEWS if self._has(view)]
        tabs = [Tab(view.capitalize(), f"screen.view('{view}')", view == self.view) for view in views]
        page, beside = self.query_one("#page", Page), self.query_one("#beside", Page)
        page.show(partial(self._page, entry), tabs=tabs)
        if self.has_class("-broad"):
            title = "Table" if self.view == "answer" else "Answer"
            beside.show(partial(self._beside, entry), tabs=[Tab(title, f"screen.view('{title.lower()}')", True)])

    def _has(self, view: View) -> bool:
        return view != "compare" or self.compared is not None

    @property
    def _look(self) -> tuple[Glyphs, tuple[RGB, ...]]:
        """What curves are made of: without enough colours, each has its own mark."""
        ink = cast(ThemedApp, self.app).ink
        glyphs: Glyphs = "braille" if ink.colored and not ink.ascii else "ascii"
        return glyphs, COLOURS_ON_DARK if self.app.current_theme.dark else COLOURS

    def _card(self, entry: Entry, width: int) -> Iterator[Text]:
        """What the list says about the experiment that is marked."""
        wide, tall = self.has_class("-wide"), self.has_class("-tall")
        yield from prose(entry.experiment.question, width, "bold")
        if wide or tall:
            yield Text("")
        record, report = self.record, self.report
        if wide and report is not None and report.charts:
            glyphs, colours = self._look
            yield from figure_lines(report.charts[:1], width, 14 if tall else 9, glyphs, colours)
        if report is not None and record is not None:
            yield from answer(Report([], [], report.findings), 2, width)
            if wide or tall:
                yield Text("")
                yield from prose(f"{when(record)}: {facts(record)}", width, "dim")
        if wide:
            yield Text("")
            yield from prose(" ".join(entry.experiment.method.split()), width, "dim")

    def _page(self, entry: Entry, width: int) -> Iterator[Text]:
        record, report = self.record, self.report
        if self.view == "runs":
            yield from self._runs(entry, width)
        elif record is None:
            yield Text("There is no outcome yet. m measures the experiment.", "dim")
        elif self.view == "compare":
            other = self.compared
            if other is not None:
                old, new = sorted((record, other), key=lambda one: one.when)
                yield from comparison_lines(old, new, width)
        elif report is None:
            broken = self._key(record) in self._reports
            words = "Another version measured this; it cannot be drawn, only compared." if broken else "drawing"
            yield Text(words, "dim")
        elif self.view == "figure":
            yield from self._figure(report, width)
        elif self.view == "table":
            yield from tables(report, min(width, 120))
        else:
            yield from self._answer(entry, record, report, min(width, 100))

    def _beside(self, entry: Entry, width: int) -> Iterator[Text]:
        record, report = self.record, self.report
        if record is not None and report is not None:
            if self.view == "answer":
                yield from tables(report, width)
            else:
                yield from self._answer(entry, record, report, min(width, 100))

    def _figure(self, report: Report, width: int) -> Iterator[Text]:
        glyphs, colours = self._look
        room = self.query_one("#page", Page).size.height
        alone = len(report.charts) == 1 and isinstance(report.charts[0], LineChart)
        # A title, the legend, the name of the axis; where there is room, the first findings as well.
        height = max(_LOWEST, min(_HIGHEST, room - 5 - (6 if room > 26 and alone else 0)))
        yield from figure_lines(report.charts, min(width, _WIDEST), height, glyphs, colours)
        if not self.has_class("-broad"):
            record = self.record
            seeds = len(record.results.seeds) if record is not None else 2
            yield from answer(Report([], [], report.findings), seeds, min(width, _WIDEST))

    def _answer(self, entry: Entry, record: Record, report: Report, width: int) -> Iterator[Text]:
        yield from answer(report, len(record.results.seeds), width)
        yield Text("")
        yield Text("How it was measured", "bold")
        yield from prose(" ".join(entry.experiment.method.split()), width)
        if report.texts:
            yield Text("")
            yield from written(report, width)

    def _runs(self, entry: Entry, width: int) -> Iterator[Text]:
        """What is under way, and each variant's numbers so far."""
        progress, record = self._progress_of(entry), self.record
        if progress is not None and progress.running:
            now = time.monotonic()
            for label, seed in progress.under_way:
                began = progress.began.get((label, seed), now)
                yield Text(f"> {label}, seed {seed}".ljust(max(0, width - 8)) + f"{clock(now - began):>8}", "bold")
            if progress.under_way:
                yield Text("")
            yield from variant_lines(replace(progress.results, seeds=progress.seeds), width)
        elif record is not None:
            yield from variant_lines(record.results, width)
        else:
            yield Text("There are no runs yet. m measures the experiment.", "dim")

    # For recordings.

    def state(self) -> State:
        """The page that is open; which outcome it is of only where others have it, too."""
        record = self.record
        published = record is not None and not record.when
        chosen = self.query_one(ExperimentList).chosen
        return {"experiment": self.opened, "chosen": chosen, "view": self.view, "published": published}

    async def restore(self, state: State) -> None:
        """Open the same page."""
        if not self.entries:
            await self._read()
        name = word(state, "experiment", "", self.entries)
        if not name:
            if self.opened:
                self.action_list()
            experiments = self.query_one(ExperimentList)
            if (chosen := word(state, "chosen", experiments.chosen, self.entries)) != experiments.chosen:
                experiments.choose(chosen)
            return
        if self.opened != name:
            self.action_open(name)
        record, known = self.record, self.known(self.entries[name])
        if flag(state, "published") and record is not None and record.when:
            self.action_outcome(len(known))
        if self._has(view := next((one for one in VIEWS if one == state.get("view")), self.view)):
            self.action_view(view)

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        progress, opened = self.progress, bool(self.opened)
        running = progress is not None and progress.running
        match action:
            case "open" | "filter":
                return not opened
            case "list":
                return opened or bool(self._words) or self.has_class("-filtered")
            case "stop":
                return running
            case "ask_to_measure":
                return not running and self.entry is not None
            case "view":
                return opened and parameters[0] in VIEWS and self._has(parameters[0])
            case "turn" | "go":
                return opened
            case "outcome":
                entry = self.entry
                return opened and entry is not None and len(self.known(entry)) > 1
            case "other":
                entry = self.entry
                return opened and self.view == "compare" and entry is not None and len(self.known(entry)) > 2
            case "export":
                return self.record is not None
        return True

    def action_open(self, name: str = "") -> None:
        """Shows an experiment's outcome; without a name, of the one that is marked."""
        experiments = self.query_one(ExperimentList)
        name = name or experiments.chosen
        if name not in self.entries:
            self._wanted = name  # they are being read
            return
        experiments.choose(name)
        self.opened, self.place, self.other = name, 0, 1
        progress = self.progress
        mine = progress is not None and progress.name == name and progress.running
        self.view = "runs" if mine and not (progress and progress.whole_seeds) else "figure"
        self.add_class("-open")
        page = self.query_one("#page", Page)
        page.focus()
        page.action_scroll_ends(-1)
        self._draw_report()

    def action_list(self) -> None:
        """All experiments again."""
        if self.opened:
            self.opened = ""
            self.remove_class("-open")
        else:
            self.remove_class("-filtered")
            self.query_one("#filter", Input).value = ""
            self._words = ""
        self.query_one(ExperimentList).focus()
        self._draw_report()

    def action_filter(self) -> None:
        """A line for words."""
        self.add_class("-filtered")
        self.query_one("#filter", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Only the experiments about these words."""
        self._words = event.value
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose among those that are left."""
        self.query_one(ExperimentList).focus()

    def on_experiment_list_chosen(self) -> None:
        """The card is about the one that is marked."""
        self._draw_report()

    def action_view(self, view: View) -> None:
        """Another page."""
        if view != self.view:
            self.view = view
            self.query_one("#page", Page).action_scroll_ends(-1)
            self._show()

    def action_turn(self, by: int) -> None:
        """The page to the right, or to the left."""
        views = [view for view in VIEWS if self._has(view)]
        self.action_view(views[(views.index(self.view) + by) % len(views)])

    def action_outcome(self, by: int) -> None:
        """An older outcome, or a newer one."""
        entry = self.entry
        if entry is not None:
            last = len(self.known(entry)) - 1
            self.place = max(0, min(last, self.place + by))
            self.other = self.place + 1 if self.place < last else 0
            self._draw_report()

    def action_other(self) -> None:
        """Compares with the next outcome."""
        entry = self.entry
        if entry is not None:
            count = len(self.known(entry))
            self.other = (self.other + 1) % count
            if self.other == self.place:
                self.other = (self.other + 1) % count
            self._show()

    def action_go(self, by: int) -> None:
        """Opens another experiment."""
        names = list(self.entries)
        if self.opened in names:
            self.action_open(names[(names.index(self.opened) + by) % len(names)])

    @work(exclusive=True, group="dialog")
    async def action_ask_to_measure(self) -> None:
        """Asks how, and measures."""
        entry = self.entry
        if entry is None:
            return
        arguments = await self.app.push_screen_wait(ExperimentForm(entry.experiment, entry.quick_seconds))
        if arguments is not None:
            await self.run_action(f"measure({arguments!r})")

    def action_measure(self, arguments: str) -> None:
        """Measures what `lstm-lab experiment` would with these arguments."""
        try:
            self.session.measure(shlex.split(arguments))
        except (OSError, ValueError) as error:
            self.app.notify(str(error), severity="error")
            return
        self._tick()
        self.action_open(shlex.split(arguments)[0])
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Stops measuring."""
        if self.session.measuring is not None:
            self.session.measuring.cancel()

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the outcome's numbers, or its figure."""
        entry, record = self.entry, self.record
        if entry is None or record is None:
            return
        report = self.report or await asyncio.wrap_future(in_background(partial(_report, entry, record)))
        picture = self.app.export_screenshot()

        def write(path: str) -> None:
            match os.path.splitext(export_path(path))[1].lower():
                case ".csv":
                    write_atomically(path, as_csv(record.results))
                case ".json":
                    write_atomically(path, record.text())
                case ".svg" if report is None or not has_matplotlib():
                    write_atomically(path, picture)
                case _:
                    save_charts(() if report is None else report.charts, path)

        note = "the suffix decides: .csv or .json for the numbers, .svg, .png or .pdf for the figure"
        dialog = SaveFile("Export", f"{entry.name}.csv", write, rule=export_path, note=note)
        path = await self.app.push_screen_wait(dialog)
        if path is not None:
            self.app.notify(f"Wrote {path}", timeout=3)


def export_path(path: str) -> str:
    """``path``, if its suffix says what to write. Raises ArgumentError."""
    suffix = os.path.splitext(path)[1]
    if suffix.lower() not in SUFFIXES:
        raise ArgumentError(f"path: got {suffix or 'no suffix'}, expected one of {', '.join(SUFFIXES)}")
    return path


def _report(entry: Entry, record: Record) -> Report | None:
    """What follows from the numbers; None where another version's are not what this one expects."""
    try:
        return entry.experiment.report(record.results)
    except (LabError, KeyError, IndexError, ValueError, TypeError):
        return None
