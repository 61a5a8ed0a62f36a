"""What dialogs share: a framed box in the middle, a line for an error, and a question with a few answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from ...text.visible import visible

T = TypeVar("T")


def plain(text: str) -> Content:
    """``text`` for the parts of Textual that read strings as markup."""
    return Content(visible(text))


class Dialog(ModalScreen[T | None], Generic[T]):
    """A modal box around what :meth:`compose_body` yields; Escape closes it."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 65%; }
    Dialog > .dialog--box {
        width: 66; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary 60%; padding: 0 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $muted;
    }
    Dialog .dialog--error { color: $error; width: 100%; height: auto; }
    Dialog .dialog--note { color: $muted; width: 100%; height: auto; }
    Dialog .dialog--buttons { height: auto; margin-top: 1; align-horizontal: right; }
    Dialog .dialog--buttons Button { margin-left: 1; min-width: 8; }
    Dialog Input, Dialog Select { background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Cancel", show=False)]
    TITLE_TEXT = ""
    HINT = "esc cancel"

    def compose(self) -> ComposeResult:
        """The box."""
        box = Vertical(classes="dialog--box")
        box.border_title, box.border_subtitle = plain(self.TITLE_TEXT), plain(self.HINT)
        with box:
            yield from self.compose_body()

    def compose_body(self) -> ComposeResult:
        """The content of the box."""
        raise NotImplementedError

    def show_title(self, title: str) -> None:
        """Say something else in the upper border."""
        self.query_one(".dialog--box").border_title = plain(title)

    def show_error(self, message: str) -> None:
        """Say in one line what is wrong; an empty message removes it."""
        error = self.query_one(".dialog--error", Label)
        error.update(visible(message.partition("\n")[0]))
        error.display = bool(message)

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Close with a result. Work that ends after the dialog was closed, or under another one, closes nothing."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def action_give_up(self) -> None:
        """Close the dialog without a result."""
        self.dismiss(None)


class Answer(Button):
    """A button for one answer."""

    def __init__(self, value: str, label: str, *, key: str, primary: bool) -> None:
        super().__init__(plain(f"{label} ({key})"), variant="primary" if primary else "default", compact=True)
        self.value = value


class Ask(Dialog[str]):
    """A question with answers, each with its key: (value, label, key). The first one is the default."""

    def __init__(self, title: str, question: str, answers: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.TITLE_TEXT = title
        self._question, self._answers = question, answers
        for value, label, key in answers:
            self._bindings.bind(key, f"answer('{value}')", label, show=False)

    def compose_body(self) -> ComposeResult:
        """The question and its buttons."""
        yield Label(visible(self._question), markup=False, classes="dialog--note")
        with Horizontal(classes="dialog--buttons"):
            for index, (value, label, key) in enumerate(self._answers):
                yield Answer(value, label, key=key, primary=index == 0)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Give the answer of a button."""
        if isinstance(event.button, Answer):
            self.dismiss(event.button.value)

    def action_answer(self, value: str) -> None:
        """Give the answer of a key."""
        self.dismiss(value)
