"""Dialogs for the answer to a question: letters, a number, a formula, a text, and whether its points hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Checkbox, Input, Label, OptionList, TextArea
from textual.widgets.option_list import Option

from lstm_lab.exercises.questions.model import Question

from ...text.visible import visible
from .dialog import Dialog, plain
from .model_form import Tick

#: Longer answers are no answers.
_MAX_ANSWER, _MAX_TEXT = 500, 20_000
#: What the dialog asks for; choices may also be clicked.
_WANTED = {
    "choice": "one letter, or choose below",
    "choices": "every letter that fits, or choose below",
    "order": "all letters in the right order, or choose below",
    "number": "a number; 3/4 and 2**10 are fine too",
    "formula": "a formula in {variables}",
    "prediction": "your guess, a number; then it is measured",
}


class AskAnswer(Dialog[str]):
    """One line for an answer; options can be chosen from a list as well."""

    DEFAULT_CSS = """
    AskAnswer > .dialog--box { width: 76; }
    AskAnswer .answer--prompt { width: 100%; height: auto; margin-bottom: 1; }
    AskAnswer VerticalScroll { height: auto; max-height: 8; }
    AskAnswer OptionList { height: auto; max-height: 12; border: none; padding: 0; margin-top: 1;
        background: $surface; }
    """
    HINT = "enter answer · tab next · esc cancel"

    def __init__(self, question: Question, answer: str) -> None:
        super().__init__()
        self.TITLE_TEXT = question.name
        self._question, self._answer = question, answer

    def compose_body(self) -> ComposeResult:
        """The prompt, a line, and the options."""
        question = self._question
        with VerticalScroll(can_focus=False):
            yield Label(visible(question.prompt.strip(), keep="\n"), markup=False, classes="answer--prompt")
        yield Input(self._answer, max_length=_MAX_ANSWER, compact=True)
        wanted = _WANTED[question.kind].format(variables=", ".join(question.variables))
        unit = f" ({question.unit})" if question.unit else ""
        yield Label(visible(f"{wanted}{unit}"), markup=False, classes="dialog--note")
        if question.options:
            options = (Option(plain(f"{letter}) {text}"), id=letter) for letter, text in question.options.items())
            yield OptionList(*options, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is the answer."""
        self.dismiss(event.value.strip())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A letter: the answer, or one more or one less of its letters."""
        letter, field = event.option.id or "", self.query_one(Input)
        if self._question.kind == "choice":
            self.dismiss(letter)
            return
        letters = [known for known in field.value.lower() if known in self._question.options]
        letters = [known for known in letters if known != letter] if letter in letters else [*letters, letter]
        field.value = "".join(letters if self._question.kind == "order" else sorted(letters))


class AskEssay(Dialog[str]):
    """Some lines for an answer in the learner's own words."""

    DEFAULT_CSS = """
    AskEssay > .dialog--box { width: 78; }
    AskEssay .answer--prompt { width: 100%; height: auto; max-height: 6; margin-bottom: 1; }
    AskEssay TextArea { height: 8; border: none; padding: 0; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save", show=False, priority=True)]
    HINT = "ctrl+s answer · esc cancel"

    def __init__(self, question: Question, answer: str) -> None:
        super().__init__()
        self.TITLE_TEXT = question.name
        self._question, self._answer = question, answer

    def compose_body(self) -> ComposeResult:
        """The prompt, room to write, and buttons."""
        yield Label(visible(self._question.prompt.strip(), keep="\n"), markup=False, classes="answer--prompt")
        yield TextArea(self._answer, soft_wrap=True, tab_behavior="focus")
        yield Label("", markup=False, classes="dialog--error")
        with Horizontal(classes="dialog--buttons"):
            yield Button("Answer", variant="primary", compact=True, id="save")
            yield Button("Cancel", compact=True, id="cancel")

    def on_mount(self) -> None:
        """Write at once; an error takes room only when there is one."""
        self.show_error("")
        self.query_one(TextArea).focus()

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """That is the answer."""
        text = self.query_one(TextArea).text
        if len(text) > _MAX_TEXT:
            self.show_error(f"got {len(text):,} characters, expected at most {_MAX_TEXT:,}")
        else:
            self.dismiss(text.strip())

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)


class AskPoints(Dialog[list[bool]]):
    """Which of some points the learner's text has: the learner judges."""

    DEFAULT_CSS = """
    AskPoints > .dialog--box { width: 78; }
    AskPoints VerticalScroll { height: auto; max-height: 16; margin-top: 1; }
    AskPoints Tick { width: 100%; height: auto; background: $surface; }
    """
    HINT = "space tick · tab next · ctrl+s done · esc cancel"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Done", show=False, priority=True)]

    def __init__(self, name: str, points: Sequence[str]) -> None:
        super().__init__()
        self.TITLE_TEXT = name
        self._points = points

    def compose_body(self) -> ComposeResult:
        """A box for each point."""
        yield Label("Does your text say this? Tick what it says.", classes="dialog--note")
        with VerticalScroll(can_focus=False):
            yield from self._ticks()
        with Horizontal(classes="dialog--buttons"):
            yield Button("Done", variant="primary", compact=True, id="save")

    def _ticks(self) -> Iterable[Checkbox]:
        return [Tick(plain(point), compact=True) for point in self._points]

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """That is the judgment."""
        self.dismiss([tick.value for tick in self.query(Tick)])
