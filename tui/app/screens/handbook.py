"""The Handbook screen: topics to read, places to find, a valve to move, and links into the lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input, Label

from lstm_ext.cells import CELLS
from lstm_ext.errors import ArgumentError
from lstm_ext.files import write_atomically
from lstm_lab.handbook.facts import Sizes
from lstm_lab.handbook.search import Hit, plain, search
from lstm_lab.handbook.topics import Topic, glossary, topics

from ...text.learn import wrapped
from ...text.markdown import HEADING
from ..keys import LOOKING, NETWORK, bind
from ..modes import MODES
from ..session import Session
from ..shown import State, flag, real, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.handbook_contents import HandbookContents
from ..widgets.handbook_page import HandbookPage, Place
from ..widgets.page import Page, Tab
from ..widgets.valve import LIMIT, Valve
from .dialog import Dialog
from .files import SaveFile

#: Columns from which what belongs to a topic stands beside it.
_BROAD = 150
#: What a search of the handbook can take.
_MOST = 60
_BEGIN = Place()


@dataclass(frozen=True)
class Visit:
    """What one can come back to: a place in a topic, or another screen."""

    topic: str = ""
    place: Place = _BEGIN
    mode: str = ""


class SearchLine(Input):
    """The line to search in; up and down choose among what was found."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("handbook.found_up", "up", "screen.choose(-1)", "up", "The place above", LOOKING),
        bind("handbook.found_down", "down", "screen.choose(1)", "down", "The place below", LOOKING),
    ]


class AskSizes(Dialog[str]):
    """Asks for the sizes that parameters are counted for."""

    TITLE_TEXT = "Sizes to count for"
    HINT = "enter count · esc cancel"

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self._sizes = sizes

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input(str(self._sizes), compact=True, id="sizes")
        yield Label("", classes="dialog--error", markup=False)
        yield Label("Characters (V), units (H) and layers, such as 65 128 1.", classes="dialog--note", markup=False)

    def on_mount(self) -> None:
        """An error takes room only when there is one."""
        self.show_error("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes sizes that make sense."""
        try:
            self.dismiss(str(Sizes.parse(event.value)))
        except ArgumentError as error:
            self.show_error(str(error))


class HandbookScreen(Screen[None]):
    """Shows one topic at a time; every way to one is an action, so that it can be repeated."""

    CSS_PATH = "handbook.tcss"
    AUTO_FOCUS = "#contents"
    HELP_TITLE = "Handbook"
    HELP = (
        "Cells with their equations, gates, settings, symptoms and what to do, terms, papers. Choose a topic on the "
        "left, or search with /. Links lead on, Escape leads back; from every other screen, its help leads to the "
        "topic that belongs to it. `lstm-lab handbook` has the same as text."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("handbook.search", "slash", "search_line", "search", "Search in all topics", LOOKING, on_bar=True),
        bind("handbook.open", "enter", "open", "open", "To the text; there, follow the link", LOOKING, on_bar=True),
        bind("handbook.back", "escape,backspace", "back", "back", "Back to where you were", LOOKING, on_bar=True),
        bind("handbook.next_link", "n", "link(1)", "link", "The next link", LOOKING, on_bar=True),
        bind("handbook.previous_link", "p", "link(-1)", "link before", "The link before", LOOKING),
        bind("handbook.close", "left", "slide(-0.1)", "close", "Close the valve a little", LOOKING, on_bar=True),
        bind("handbook.widen", "right", "slide(0.1)", "widen", "Open the valve a little", LOOKING, on_bar=True),
        bind("handbook.close_more", "comma", "slide(-1.0)", "close more", "Close the valve by one", LOOKING),
        bind("handbook.widen_more", "full_stop", "slide(1.0)", "widen more", "Open the valve by one", LOOKING),
        bind("handbook.sizes", "t", "ask_sizes", "sizes", "Type V, H and layers", NETWORK, on_bar=True),
        bind("handbook.contents", "c", "contents", "contents", "Show or hide the contents", LOOKING),
        bind("handbook.export", "e", "export", "export", "Write the topic or a picture", NETWORK, on_bar=True),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.topic: Topic = next(iter(topics().values()))
        self.sizes = Sizes()
        #: What was found; None: nothing is searched for.
        self.hits: list[Hit] | None = None
        self._hit = 0
        #: Where one was before.
        self._visits: list[Visit] = []

    def compose(self) -> ComposeResult:
        """A line to search in; contents on the left, the topic on the right."""
        yield TitleBar(id="title")
        yield SearchLine(placeholder="/ searches all topics", compact=True, id="search")
        with Horizontal(id="main"):
            yield HandbookContents(id="contents")
            with Vertical(id="right"):
                yield Valve(id="valve")
                yield HandbookPage(id="page")
            yield Page(id="beside")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Begin with the first topic."""
        network = self.session.trainer.model.config if self.session.trainer else None
        if network is not None:
            self.sizes = Sizes(network.output_size, network.hidden_size, network.num_layers)
        self.query_one("#beside").can_focus = False
        self._show()

    def on_resize(self) -> None:
        """What belongs to the topic stands beside it where there is room."""
        self.set_class(self.size.width >= _BROAD, "-broad")

    # What is shown.

    def _show(self, place: Place = _BEGIN) -> None:
        """Show the topic from a place on, and mark it in the contents."""
        self.set_class(self.topic.id == "gates", "-valve")
        self.set_class(self.hits is not None, "-searching")
        self.query_one(TitleBar).show(self.topic.title)
        page = self.query_one(HandbookPage)
        page.open(self.topic, self.sizes)
        if place != _BEGIN:
            self.call_after_refresh(page.see_place, place)  # once the panes have their widths
        index = list(topics()).index(self.topic.id) if self.hits is None else self._hit
        self.query_one(HandbookContents).show(index, self.hits)
        topic, terms = self.topic, Tab("Terms on this page", "screen.go('glossary')", True)
        self.query_one("#beside", Page).show(lambda width: _beside(topic, width), tabs=[terms], begin=True)
        self.refresh_bindings()

    def _visit(self, id: str, *, heading: str = "") -> None:
        """Show a topic, and remember where one was."""
        if id != self.topic.id:
            self._visits.append(Visit(self.topic.id, self._place))
            self.topic = topics()[id]
        self._show(Place(heading))

    @property
    def _place(self) -> Place:
        return self.query_one(HandbookPage).place

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        match action:
            case "slide":
                return self.topic.id == "gates"
            case "ask_sizes":
                return self.topic.id == "parameters"
            case "back":
                return bool(self._visits or self.hits is not None or self.has_class("-reading"))
        return True

    # Choosing.

    def action_choose(self, by: int) -> None:
        """Another topic of the contents, or another place that was found."""
        if self.hits is None:
            known = list(topics())
            self.action_pick(max(0, min(len(known) - 1, known.index(self.topic.id) + by)))
        elif self.hits:
            self.action_pick(max(0, min(len(self.hits) - 1, self._hit + by)))

    def action_pick(self, index: int) -> None:
        """The topic, or the place found, of that number."""
        if self.hits is None:
            self.topic = list(topics().values())[index]
            self._show()
        elif index < len(self.hits):
            self._hit = index
            self.topic = self.hits[index].topic
            self._show(Place(self.hits[index].heading))

    def on_handbook_contents_scrolled(self, event: HandbookContents.Scrolled) -> None:
        """The wheel chooses as well."""
        self.action_choose(event.by)

    async def action_open(self) -> None:
        """From the contents to the text; in the text, follow the chosen link."""
        page = self.query_one(HandbookPage)
        if self.focused is page and page.link >= 0:
            await self.action_go(page.links[page.link].target)
            return
        self._read()

    def _read(self) -> None:
        """To the text."""
        self.add_class("-reading")
        self.call_after_refresh(self.query_one(HandbookPage).focus)
        self.refresh_bindings()

    def action_contents(self) -> None:
        """Show or hide the contents."""
        hidden = self.toggle_class("-alone").has_class("-alone")
        self.query_one(HandbookPage if hidden else HandbookContents).focus()

    def action_link(self, by: int) -> None:
        """The next link, or the one before."""
        page = self.query_one(HandbookPage)
        page.focus()
        page.choose(by)

    # Searching.

    def action_search_line(self) -> None:
        """To the line to search in."""
        self.query_one(SearchLine).focus()

    async def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is typed."""
        if event.input.id == "search":
            await self.run_action(f"search({event.value!r})")

    def action_search(self, words: str) -> None:
        """Show the places that have all of the words, the first one open."""
        if words.strip():
            if self.hits is None:
                self._visits.append(Visit(self.topic.id, self._place))
            self.hits = search(words)[:_MOST]
            self._hit = 0
            if self.hits:
                self.action_pick(0)
                return
        elif self.hits is not None:
            self.hits = None
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """From the line to the text of what was found."""
        if event.input.id == "search" and self.hits:
            self._read()

    # Following and coming back.

    def open_topic(self, target: str, *, coming_from: str = "") -> None:
        """Show a topic, or a heading of it, coming from the mode ``coming_from``, to which Escape leads back."""
        id, _, heading = target.partition("#")
        self._end_search()
        if coming_from:
            self._visits.append(Visit(mode=coming_from))
            self.topic = topics()[id]
        self._visit(id, heading=heading)
        self._read()

    def _end_search(self) -> None:
        self.hits = None
        line = self.query_one(SearchLine)
        with line.prevent(Input.Changed):
            line.value = ""

    async def action_go(self, target: str) -> None:
        """Follow a link: to a topic, or into the lab."""
        kind, _, rest = target.partition(":")
        if not rest:
            id, _, heading = target.partition("#")
            self._end_search()
            self._visit(id, heading=heading)
            return
        match kind:
            case "screen":
                self.app.switch_mode(rest)
            case "step":
                await self._step(*rest.split())
            case "exercise":
                await self._exercise(rest)
            case "experiment":
                await self._experiment(rest)

    async def _step(self, cell: str, *options: str) -> None:
        from .step import StepScreen
        from .subject import Subject

        await self.app.switch_mode("step")
        known = next(name for name in CELLS if name == cell)
        if isinstance(self.app.screen, StepScreen):
            await self.app.screen.walk_through(Subject(cell=known, reset_after="reset_after" in options))

    async def _exercise(self, id: str) -> None:
        from .learn import LearnScreen

        await self.app.switch_mode("learn")
        if isinstance(self.app.screen, LearnScreen):
            self.app.screen.action_open(id)

    async def _experiment(self, name: str) -> None:
        from .experiments import ExperimentsScreen

        await self.app.switch_mode("experiments")
        if isinstance(self.app.screen, ExperimentsScreen):
            self.app.screen.action_open(name)

    def action_back(self) -> None:
        """Back to where one was: out of the search, to the topic or the screen before, to the contents."""
        searching = self.hits is not None
        self._end_search()
        if self._visits:
            visit = self._visits.pop()
            if visit.mode in [mode.id for mode in MODES]:
                self.app.switch_mode(visit.mode)
                return
            self.topic = topics()[visit.topic]
            self._show(visit.place)
            if not searching:
                return
        self._show(self._place)
        self.remove_class("-reading")
        self.call_after_refresh(self.query_one(HandbookContents).focus)

    # For recordings.

    def state(self) -> State:
        """The topic, how far it is scrolled, what is searched for, the valve and the sizes."""
        return {
            "topic": self.topic.id,
            "heading": self._place.heading,
            "below": self._place.below,
            "words": "" if self.hits is None else self.query_one(SearchLine).value,
            "hit": self._hit,
            "valve": self.query_one(Valve).x,
            "sizes": str(self.sizes),
            "reading": self.has_class("-reading"),
        }

    async def restore(self, state: State) -> None:
        """Show the same place."""
        words = word(state, "words", "")
        line = self.query_one(SearchLine)
        with line.prevent(Input.Changed):
            line.value = words
        self.hits = search(words)[:_MOST] if words.strip() else None
        self._hit = whole(state, "hit", 0, 0, max(0, len(self.hits or ()) - 1))
        self.topic = topics()[word(state, "topic", self.topic.id, topics())]
        self.action_valve(real(state, "valve", 1.0, -LIMIT, LIMIT))
        with suppress(ArgumentError):  # what is no size is left as it is
            self.sizes = Sizes.parse(word(state, "sizes", str(self.sizes)))
        self.set_class(flag(state, "reading"), "-reading")
        self._show(Place(word(state, "heading", ""), whole(state, "below", 0, 0, 10_000)))

    # The valve, the sizes, a file.

    def action_slide(self, by: float) -> None:
        """Move the valve."""
        self.action_valve(self.query_one(Valve).x + by)

    def action_valve(self, x: float) -> None:
        """Set the valve."""
        self.query_one(Valve).show(round(max(-LIMIT, min(LIMIT, x)), 1))

    async def on_valve_moved(self, event: Valve.Moved) -> None:
        """Set with the mouse."""
        await self.run_action(f"valve({event.x})")

    @work(exclusive=True, group="dialog")
    async def action_ask_sizes(self) -> None:
        """Ask for other sizes."""
        sizes = await self.app.push_screen_wait(AskSizes(self.sizes))
        if sizes is not None:
            await self.run_action(f"sizes({sizes!r})")

    def action_sizes(self, sizes: str) -> None:
        """Count for these sizes."""
        self.sizes = Sizes.parse(sizes)
        self._show(self._place)

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the topic or a picture."""
        picture, markdown = self.app.export_screenshot(), f"# {self.topic.title}\n\n{self.topic.markdown(self.sizes)}"

        def write(path: str) -> None:
            write_atomically(path, picture if _written(path).lower().endswith(".svg") else markdown)

        note = "the suffix decides: .md for the topic, .svg for a picture of the screen"
        name = f"{self.topic.id}.md"
        path = await self.app.push_screen_wait(SaveFile("Export", name, write, rule=_written, note=note))
        if path is not None:
            self.notify(f"Wrote {path}", timeout=3)


def _written(path: str) -> str:
    """``path``, if its suffix says what to write. Raises ArgumentError."""
    if not path.lower().endswith((".md", ".svg")):
        raise ArgumentError(f"path: got {path}, expected a name that ends in .md or .svg")
    return path


def _beside(topic: Topic, width: int) -> Iterator[Text]:
    """The terms of the glossary that a topic uses."""
    if topic.id in ("glossary", "references"):
        return
    words = f" {plain(topic.markdown()).casefold()} "
    for term in glossary():
        name = term.name.partition(" (")[0]
        if any(f"{before}{name.casefold()}" in words for before in " ("):
            yield Text(term.name, HEADING)
            yield from wrapped(plain(term.text), width)
            yield Text()
