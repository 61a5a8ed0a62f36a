"""Names and texts from elsewhere in the lab: never markup, and nothing of them drives the terminal."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from app.laboratory import LARGE, Lab, lab
from app.terminal import Terminal
from hostile import HOSTILE, MARKUP, hidden_in
from screen import until
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.files import OpenFile, SaveFile
from lstm_lab.app.screens.model_form import ModelForm
from lstm_lab.app.screens.subject import AskText
from lstm_lab.app.session import Opening, Session

NAMES = [f"{HOSTILE}.txt", f"{MARKUP}.txt".replace("/", ""), "[.txt", "[]x.txt", "[red].txt", "[@click=quit()]q.txt"]
TYPED = [HOSTILE, MARKUP, "[/x].txt", "[", "[[", "[/]", "$", "\\[x]"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with texts of such names."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        Path(name).write_text((HOSTILE + MARKUP + "\n") * 30, encoding="utf-8")
    return tmp_path


async def typed(here: Lab, selector: str, text: str) -> None:
    await here.type_into(selector, text)
    await here.press("enter")
    for _ in range(5):
        await here.pilot.pause(0.01)
    assert here.app.crash is None and hidden_in(here.text) == set()


@pytest.mark.parametrize("text", TYPED)
async def test_what_is_typed_into_a_dialog_is_no_markup(text: str) -> None:
    async with lab(LARGE) as here:
        for key, dialog in (("d", OpenFile), ("l", OpenFile), ("w", SaveFile), ("e", SaveFile), ("m", ModelForm)):
            await here.press(key)
            await here.asked(dialog)
            if dialog is ModelForm:
                await typed(here, "#lr", text)
            else:
                await typed(here, "Input", text)
            while len(here.app.screen_stack) > 1:
                await here.press("escape")
                await here.pilot.pause()
        await here.press("2")
        await here.shows("After")
        await here.press("t")
        await here.asked(AskText)
        await typed(here, "Input", text)
        await here.press("escape", "ctrl+p")
        await here.shows("Search for commands")
        await typed(here, "Input", text)
    assert here.app.crash is None


async def test_the_error_names_what_was_typed() -> None:
    async with lab(LARGE) as here:
        await here.press("d")
        await here.asked(OpenFile)
        await typed(here, "Input", "[/x].txt")
        await here.shows("[/x].txt", "no such file")


async def test_files_of_any_name_are_listed_and_read() -> None:
    for name in NAMES:
        async with lab(LARGE) as here:
            await here.press("d")
            await here.asked(OpenFile)
            await here.shows("[red].txt", "[@click=quit()]q.txt", "a\\x1b]0;owned")
            assert hidden_in(here.text) == set()
            await here.type_into("Input", name)
            await here.press("enter")
            await here.until(lambda name=name: here.trainer.text.name == name)
            await here.until(lambda: here.step > 0)
            await here.press("s")
            await here.until(lambda: "step" in here.text)
            assert hidden_in(here.text) == set() and here.app.crash is None


async def test_what_was_saved_is_named_as_it_is(folder: Path) -> None:
    async with lab(LARGE) as here:
        await here.paused()
        await here.press("w")
        await here.asked(SaveFile)
        await typed(here, "Input", "[x]y.safetensors")
        await here.shows("Saved [x]y.safetensors")
    assert "[x]y.safetensors" in os.listdir(folder)


async def test_whatever_widget_shows_it_nothing_hidden_is_sent() -> None:
    """The guarantee for widgets to come: they need not know about it."""
    app = LabApp(Session(opening=Opening("hello")))
    async with app.run_test(size=LARGE) as pilot:
        here = Lab(app, pilot)
        await until(pilot, lambda: app.session.trainer is not None)
        dialog = Ask(HOSTILE, HOSTILE + MARKUP, [("a", HOSTILE, "a"), ("b", MARKUP, "b")])
        await app.push_screen(dialog)
        content = Content(f"begin{HOSTILE}end")
        wild = [Static(content), Label(content), Button(content), Input(HOSTILE), Input(placeholder=HOSTILE)]
        wild[0].tooltip = content
        await dialog.query_one(".dialog--box").mount(*wild)
        app.screen.notify(HOSTILE + MARKUP)
        await here.shows("begin", "u202etxt")
        await pilot.hover(Static)
        await pilot.pause(0.1)
        assert hidden_in(here.text) == set()
        widths = {sum(len(segment.text) for segment in line) for line in app.screen._compositor.render_strips(app.size)}
        assert widths == {LARGE[0]}


@pytest.mark.slow
def test_what_a_real_terminal_is_sent(start: Callable[..., Terminal]) -> None:
    """By a lab that learns a text of such a name and is cut off, and by the next one, which offers to continue."""
    program = ("-c", "from lstm_lab.app import session as s; s.UNNOTICED_SECONDS = 0.0\nimport lstm_lab.__main__")
    arguments = ("lab", "--data", NAMES[0], "--hidden-size", "8", "--batch-size", "2")
    first = start(*arguments, program=program)
    first.until(lambda: b"learning" in first.output and b"\xc2\xb7 loss" in first.output)
    os.kill(first.pid, signal.SIGTERM)
    first.code()
    again = start(*arguments, program=program)
    again.until(lambda: b"not saved" in again.output and b"\\r\\nx.txt" in again.output)
    os.kill(again.pid, signal.SIGTERM)
    again.code()
    for output in (first.output, again.output):
        text = re.sub("\x1b]22;[a-z-]*\x07", "", output.decode(errors="replace"))  # the pointer's shape
        assert hidden_in(text, keep="\x1b\n\r") == set() and "\x1b]0;" not in text
