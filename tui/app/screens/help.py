"""Help: the keys of a screen, which can be run from here, and what is seen on it; made from its bindings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from lstm_lab.handbook.search import search
from lstm_lab.handbook.topics import topics

from ...text.handbook import place
from ..keys import Command, by_group, commands
from ..widgets.help_list import HelpList, Note, shown_keys
from .dialog import Dialog

#: Places of the handbook that are shown beside what is seen.
_PLACES = 5


class Filter(Input):
    """The line that filters; a question mark closes the help, as it opened it."""

    async def on_key(self, event: events.Key) -> None:
        """Leaves the question mark to the dialog."""
        if event.key == "question_mark":
            event.prevent_default()
            event.stop()
            await self.run_action("screen.give_up")


class Help(Dialog[str]):
    """Two pages, one filter; the result is the id of a command to run, or ``handbook:`` and a topic to open."""

    DEFAULT_CSS = """
    Help > .dialog--box { width: 92; height: 100%; max-height: 48; }
    Help Input { height: 1; background: $panel; }
    Help HelpList { height: 1fr; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "turn", "The other page", show=False, priority=True),
        Binding("f1", "handbook", "Handbook", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
    ]
    TITLE_TEXT = "Help"
    HINT = "enter run · tab other page · f1 handbook · esc close"

    def __init__(self, screen: Screen[object], topic: str) -> None:
        """About ``screen``, to which the handbook's ``topic`` belongs, or a heading of it."""
        super().__init__()
        self._of, self._topic = screen, topic
        self._commands = by_group(commands(screen))
        self._notes = list(self._seen())
        self._words: list[str] = []
        self._page, self._index = "keys", 0
        self.TITLE_TEXT = f"Help: {getattr(screen, 'HELP_TITLE', '') or 'this screen'}"

    def compose_body(self) -> ComposeResult:
        """The filter, and what it leaves."""
        yield Filter(placeholder="Type to filter", compact=True)
        yield HelpList(id="help")

    def on_mount(self) -> None:
        """All keys first."""
        self.query_one(Filter).focus()
        self._show()

    # What is shown.

    @property
    def listed(self) -> list[Command]:
        """The commands that have all the words."""
        return [
            command
            for command in self._commands
            if self._has(f"{shown_keys(command)} {command.name} {command.what} {command.group}")
        ]

    def _has(self, text: str) -> bool:
        text = text.casefold()
        return all(word in text for word in self._words)

    def _show(self, *, begin: bool = True) -> None:
        view = self.query_one(HelpList)
        if self._page == "keys":
            self._index = max(0, min(self._index, len(self.listed) - 1))
            view.show_commands(self.listed, self._index)
        else:
            notes = [note for note in self._notes if self._has(f"{note.title} {note.text}")]
            view.show_notes([*notes, *self._places()], begin=begin)

    def _seen(self) -> Iterator[Note]:
        """What the focused widget, the screen and its other widgets say about themselves, and where to read on."""
        focused = self._of.focused
        widgets = sorted(self._of.query("*"), key=lambda widget: widget is not focused)
        for node in (*widgets[:1], self._of, *widgets[1:]):
            if paragraph := getattr(node, "HELP", ""):
                yield Note(getattr(node, "HELP_TITLE", ""), str(paragraph))
        id, _, heading = self._topic.partition("#")
        title = f"{topics()[id].title}: {heading}" if heading else topics()[id].title
        text = f"The handbook has more about it under “{title}”: F1, or a click on this title."
        yield Note(f"Handbook: {title}", text, "screen.handbook")

    def _places(self) -> Iterator[Note]:
        """Places of the handbook that have the words of the filter."""
        for hit in search(" ".join(self._words))[:_PLACES]:
            yield Note(f"Handbook: {place(hit)}", hit.excerpt, f"screen.handbook({f'{hit.topic.id}#{hit.heading}'!r})")

    # What keys and clicks do.

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters."""
        self._words = event.value.casefold().split()
        self._index = 0
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Runs the chosen command; on the other page, opens the handbook."""
        if self._page == "notes":
            self.action_handbook()
        elif self.listed:
            self.action_run(self._index)

    def action_move(self, by: int) -> None:
        """Another command, or scroll."""
        if self._page == "keys":
            self._index += by
            self._show()
        else:
            self.query_one(HelpList).scroll(by)

    def on_help_list_scrolled(self, event: HelpList.Scrolled) -> None:
        """The wheel does the same."""
        self.action_move(event.by)

    def action_turn(self) -> None:
        """The other page."""
        self.action_page("notes" if self._page == "keys" else "keys")

    def action_page(self, page: str) -> None:
        """A page."""
        self._page = page
        self._show()

    def action_run(self, index: int) -> None:
        """Close, and run a command of those listed."""
        self.dismiss(self.listed[index].id)

    def action_handbook(self, topic: str = "") -> None:
        """Close, and open the handbook."""
        self.dismiss(f"handbook:{topic or self._topic}")
