"""The Learn screen: from the map to a passed exercise, every key, and what may be wrong with the learner's files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from app.laboratory import LARGE, SMALL
from hostile import HOSTILE, MARKUP, hidden_in
from rich.cells import cell_len
from screen import drawn, segments, until
from textual.css.query import NoMatches
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea
from textual.worker import WorkerFailed

from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.answer import AskAnswer, AskEssay, AskPoints
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.help import Help
from lstm_lab.app.screens.learn import LearnScreen, walked_by
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.screens.subject import Subject
from lstm_lab.app.session import Opening
from lstm_lab.app.widgets.course_map import CourseMap
from lstm_lab.app.widgets.page import Page
from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.check import Check
from lstm_lab.exercises.course import Course
from lstm_lab.exercises.questions.model import answers_of, questions_of
from lstm_lab.exercises.questions.sheet import read_sheet
from lstm_lab.exercises.workspace import starter

CLIP, GATES = "clip_gradients", "gate_roles"
FILE = Path("lstm-exercises") / exercises()[CLIP].file
SHEET = Path("lstm-exercises") / exercises()[GATES].file
MARKER = f"# lstm-lab exercise: {CLIP}\n"
RIGHT = MARKER + exercises()[CLIP].solution
BY_VALUE = MARKER + (
    "import numpy as np\ndef clip_gradients(grads, max_norm):\n"
    "    return [np.clip(g, -max_norm, max_norm) for g in grads]\n"
)


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(LabApp, "suspend", lambda self: nullcontext())
    monkeypatch.setenv("VISUAL", "true")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An editor that writes the text in this file into the file that it is given."""
    text, program = tmp_path / "text", tmp_path / "editor"
    program.write_text(f'#!/bin/sh\ncat "{text}" > "$1"\n')
    program.chmod(0o700)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(program))
    yield text


class Learner:
    """A lab at its Learn screen."""

    def __init__(self, app: LabApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def text(self) -> str:
        return drawn(self.app)

    def panel(self, selector: str) -> str:
        """What stands on one widget, wherever lines end."""
        region = self.app.screen.query_one(selector).region
        return " ".join(
            " ".join(
                "".join(s.text for s in strip.crop(region.x, region.right))
                for strip in self.app.screen._compositor.render_strips(self.app.size)[region.y : region.bottom]
            ).split()
        )

    @property
    def screen(self) -> LearnScreen:
        assert isinstance(self.app.screen, LearnScreen)
        return self.app.screen

    @property
    def record(self) -> Any:
        return self.screen.course.progress.record(CLIP)

    async def shows(self, *texts: str) -> None:
        await until(self.pilot, lambda: all(text in self.text for text in texts))

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def asked(self, dialog: type) -> None:
        await until(self.pilot, lambda: isinstance(self.app.screen, dialog) and self.app.screen.is_mounted)
        await self.pilot.pause()

    async def open(self, identifier: str) -> None:
        self.screen.query_one(CourseMap).choose(identifier)
        await self.press("enter")
        await self.shows(exercises()[identifier].title, "Text")

    async def click(self, text: str) -> None:
        await self.shows(text)
        lines = self.text.split("\n")
        y = next(k for k, line in enumerate(lines) if text in line)
        await self.pilot.click(offset=(lines[y].index(text) + 1, y))
        await self.pilot.pause()

    def can(self) -> set[str]:
        return {command.id for command in commands(self.app.screen)}


@asynccontextmanager
async def learning(
    size: tuple[int, int] = SMALL, opening: Opening | None = None, *, ascii_only: bool = False
) -> AsyncIterator[Learner]:
    app = LabApp(opening=opening or Opening(learn=True), ascii_only=ascii_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        here = Learner(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, LearnScreen) and app.screen.known is not None)
        await here.shows(f"of {len(exercises())} passed")
        yield here


# The whole way.


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_from_the_map_to_a_passed_exercise(size: tuple[int, int], editor: Path) -> None:
    async with learning(size) as here:
        await here.shows("0 of ", "Before the first", "One neuron and its chain rule", "20 min")
        await here.open(CLIP)
        await here.shows("What and why", "not started yet", "no file yet")
        await here.press("s")
        await here.shows("> started", f"Your file is ./{FILE}"[:30], "It is as it was at the beginning.")
        assert FILE.read_text() == starter(exercises()[CLIP])
        editor.write_text(BY_VALUE)
        await here.press("e")
        await here.shows("✓ purity", "✗ values", "edge cases", "called", "wanted", "h hint 1 of 3")
        assert "Likely cause: Each entry is limited by itself" in here.panel("#result")
        await here.press("h")
        hints = exercises()[CLIP].hints["values"]
        await here.shows("Hint 1 of 3", "h hint 2 of 3")
        assert hints[0] in here.panel("#result")
        FILE.write_text(RIGHT)  # saved in another window
        await here.shows("Passed. 2 tries", "o our solution, now open", "✓ edge cases")
        assert here.record.passed and here.record.hints == {"values": 1}
        await here.press("o")
        await here.shows("Solution", "def clip_gradients(")
        await here.press("escape")
        await here.shows("1 of ", "✓  8  Clip gradients", "2 tries")


async def test_passing_says_what_it_opens(editor: Path) -> None:
    first = exercises()["one_neuron"]
    editor.write_text(starter(first).split("\n")[0] + "\n" + first.solution)
    async with learning() as here:
        await here.open("one_neuron")
        await here.press("e")  # starts it
        await here.shows("Passed. 1 try", "Now open: 2. A gradient check of your own")
        assert here.screen.desk is not None and here.screen.desk.exercise is first  # nothing advances by itself
        await here.click("n the next exercise")
        await here.shows("2. A gradient check of your own")


# Saving while a check runs.


async def test_a_save_during_a_check_starts_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    Course().start(exercises()[CLIP])
    FILE.write_text(MARKER + "import time\ntime.sleep(60)\n")
    cancelled: list[str] = []
    cancel = Check.cancel
    monkeypatch.setattr(Check, "cancel", lambda check: (cancelled.append("once"), cancel(check)))
    async with learning() as here:
        await here.open(CLIP)
        await here.press("tab")
        await here.shows("· runs", "Checking runs …")
        await here.press("tab")
        await here.shows("What and why")  # keys are answered meanwhile
        await here.press("tab")
        FILE.write_text(RIGHT)
        await here.shows("Passed. 1 try")
        assert cancelled == ["once"]


async def test_leaving_an_exercise_ends_its_check() -> None:
    Course().start(exercises()[CLIP])
    FILE.write_text(MARKER + "import time\ntime.sleep(60)\n")
    async with learning() as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("Checking")
        await here.press("escape")
        await until(here.pilot, lambda: not any(thread.name.startswith("check ") for thread in threading.enumerate()))
        assert not here.record.attempts


async def test_leaving_the_lab_ends_the_check() -> None:
    Course().start(exercises()[CLIP])
    FILE.write_text(MARKER + "import time\ntime.sleep(60)\n")
    async with learning() as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("Checking")
    for thread in threading.enumerate():
        if thread.name.startswith("check "):
            thread.join(20)
            assert not thread.is_alive()


async def test_a_worker_may_outlive_the_widgets_of_its_screen() -> None:
    async with learning() as here:
        pass
    here.app._handle_exception(WorkerFailed(NoMatches("it is over")))
    assert here.app.crash is None
    with pytest.raises(WorkerFailed):
        async with learning() as here:
            here.app._handle_exception(WorkerFailed(NoMatches("a bug")))
    assert isinstance(here.app.crash, NoMatches)


# Moving about.


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_map_is_moved_through_by_keys_and_mouse(size: tuple[int, int]) -> None:
    async with learning(size) as here:
        known = list(exercises().values())
        chart = here.screen.query_one(CourseMap)
        assert chart.chosen is known[0]
        await here.press("down", "down", "up")
        assert chart.chosen is known[1]
        await here.shows(known[1].summary.split(",")[0][:30])
        await here.press("end")
        assert chart.chosen is known[-1]
        await here.shows(known[-1].title[:30])
        await here.press("home", "pagedown")
        assert chart.chosen is known[10]
        await here.press("home")
        await here.shows(known[0].title)
        await here.click(known[2].title)
        await here.shows(f"3. {known[2].title}", "What and why")
        await here.press("p")
        await here.shows(f"2. {known[1].title}")
        await here.press("p", "p")
        await here.shows(f"1. {known[0].title}")
        await here.press("escape")
        assert chart.chosen is known[0]
        await here.press("3", "1", "3")
        await here.shows("of ", "passed")


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_every_exercise_can_be_read_to_its_end(size: tuple[int, int]) -> None:
    async with learning(size) as here:
        await here.press("home", "enter")
        for exercise in exercises().values():
            await here.shows(exercise.title)
            await until(here.pilot, lambda: here.screen.query_one("#reader").has_focus)
            await here.press("end")
            if exercise.sources:
                await here.shows(exercise.sources[-1].split()[-1])
            await here.press("home", "pagedown", "space", "up", "down")
            assert max(cell_len(line) for line in here.text.split("\n")) == size[0]
            await here.press("n")


async def test_pages_are_clicked_and_scrolled() -> None:
    async with learning() as here:
        await here.open("build_lstm")
        before = here.text
        page = here.screen.query_one("#reader", Page)
        page.on_mouse_scroll_down(_Wheel())
        await here.pilot.pause()
        assert here.text != before
        page.on_mouse_scroll_up(_Wheel())
        await here.pilot.pause()
        assert here.text == before
        await here.click("Result")
        await here.shows("Not started yet.")
        await here.click("e start, and open it")
        await here.shows("It is as it was at the beginning.")
        await here.press("shift+tab")
        await here.shows("What and why")


class _Wheel:
    def stop(self) -> None: ...


async def test_commands_are_those_that_make_sense() -> None:
    async with learning() as here:
        on_map = here.can()
        assert "learn.open" in on_map and "learn.map" not in on_map and "learn.check" not in on_map
        await here.open(CLIP)
        assert {"learn.start", "learn.edit"} <= here.can() and "learn.check" not in here.can()
        await here.press("s")
        await here.shows("> started")
        assert {"learn.check", "learn.reset", "learn.hint"} <= here.can()
        assert not {"learn.start", "learn.debug", "learn.answer", "learn.reveal"} & here.can()
        await here.press("question_mark")
        await here.asked(Help)
        await here.press("tab")
        await here.shows("Learn", "The course. Choose an exercise on the map")


# Questions.


async def test_an_exercise_of_code_has_no_question_to_choose() -> None:
    async with learning() as here:
        await here.open("one_neuron")
        await here.app.screen.run_action("screen.choose(1)")
        await here.app.screen.run_action("screen.question(0)")
        await here.shows("One neuron")


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_questions_are_answered_in_the_screen(size: tuple[int, int]) -> None:
    gates = exercises()[GATES]
    async with learning(size) as here:
        await here.open(GATES)
        await here.press("tab")
        await here.shows("1. new_cell", "One unit: C = 2", "enter answer")
        for index, question in enumerate(questions_of(gates)):
            await here.shows(f"{index + 1}. {question.name}")
            await here.press("enter")
            await here.asked(AskAnswer)
            right = str(answers_of(gates)[question.name].right)
            if question.options and index % 2:
                options = here.app.screen.query_one(OptionList)
                options.focus()
                options.highlighted = list(question.options).index(right)
                await here.press("enter")
            else:
                here.app.screen.query_one(Input).value = right
                await here.press("enter")
            await here.shows(f"✓ {index + 1}. {question.name}")
            assert read_sheet(SHEET.read_text())[question.name].text == right
            await here.press("down")
        await here.press("home")
        await here.shows("Passed.")
        assert here.screen.course.progress.record(GATES).passed


async def test_a_wrong_answer_is_told_why_and_hints_are_per_question() -> None:
    async with learning() as here:
        await here.open(GATES)
        await here.press("tab", "down", "down", "h")
        await here.shows("Hint 1 of 3", "What does f multiply?", "h hint 2 of 3")
        await here.press("enter")
        await here.asked(AskAnswer)
        here.app.screen.query_one(Input).value = "a"
        await here.press("enter")
        await here.shows("✗ 3. stuck_f", "Your answer: a", "Not a.")
        assert any(piece.text == "✗" and piece.style.color == here.app.ink.bad.color for piece in segments(here.app))
        SHEET.write_text(SHEET.read_text().replace('stuck_f = "a"', "stuck_f = 'b'"))  # in another window
        await here.shows("✓ 3. stuck_f", "Your answer: b")
        SHEET.write_text("stuck_f = (\n")
        await here.shows("was never closed")
        await here.press("enter")
        await here.asked(AskAnswer)
        here.app.screen.query_one(Input).value = "a"
        await here.press("enter")
        await here.shows("nothing was written")
        assert SHEET.read_text() == "stuck_f = (\n"


async def test_letters_are_picked_from_the_list() -> None:
    unrolling = exercises()["unrolling"]
    place = next(k for k, question in enumerate(questions_of(unrolling)) if question.kind == "choices")
    question = questions_of(unrolling)[place]
    async with learning() as here:
        await here.open("unrolling")
        await here.press("tab")
        here.screen.action_question(place)
        await here.press("enter")
        await here.asked(AskAnswer)
        options, field = here.app.screen.query_one(OptionList), here.app.screen.query_one(Input)
        options.focus()
        for index in (1, 0, 2, 1):
            options.highlighted = index
            await here.press("enter")
        letters = list(question.options)
        assert field.value == letters[0] + letters[2]
        field.focus()
        await here.press("enter")
        await here.shows(f"Your answer: {letters[0]}{letters[2]}")


async def test_an_essay_is_written_and_judged_by_its_author() -> None:
    cell = exercises()["cell_information"]
    place = next(k for k, question in enumerate(questions_of(cell)) if question.kind == "essay")
    name = questions_of(cell)[place].name
    points = answers_of(cell)[name].points
    async with learning() as here:
        await here.open("cell_information")
        await here.press("tab")
        here.screen.action_question(place)
        await here.press("enter")
        await here.asked(AskEssay)
        here.app.screen.query_one(TextArea).text = 'So "it" is,\n' + "word " * 20
        await here.press("ctrl+s")
        await here.shows("enter judge your text")
        await here.press("enter")
        await here.asked(AskPoints)
        await here.press("space", "ctrl+s")
        await here.shows(f"1 of {len(points)} points", f"✓ {place + 1}. {name}")
        written = next(Path("lstm-exercises").glob("*.py")).read_text()
        assert read_sheet(written)[f"{name}_points"].text == " ".join(["True"] + ["False"] * (len(points) - 1))


async def test_a_guess_stands_beside_what_was_measured() -> None:
    async with learning() as here:
        await here.open("why_vanishing")
        await here.press("tab", "enter")
        await here.asked(AskAnswer)
        here.app.screen.query_one(Input).value = "-3"
        await here.press("enter")
        await here.shows("guess_shared: you guessed -3, measured -4.349")


async def test_measured_numbers_wait_for_a_guess_or_are_revealed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Check.run
    monkeypatch.setattr(Check, "run", lambda check: replace(run(check), measured={"norm": 123.5}))
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("v show what was measured")
        assert "Write guess_norm in your file" in here.panel("#result")
        assert "123.5" not in here.text
        await here.press("v")
        await here.shows("norm: no guess, measured 123.5")
        assert "learn.reveal" not in here.can() and len(here.record.attempts) == 1


# The solution, beginning anew, the lab.


async def test_giving_up_is_asked_about_and_kept() -> None:
    async with learning() as here:
        await here.open(CLIP)
        await here.press("o")
        await here.asked(Ask)
        await here.press("t")
        await here.shows("What and why")
        assert not here.record.gave_up
        await here.press("o")
        await here.asked(Ask)
        await here.press("g")
        await here.shows("def clip_gradients(")
        assert here.record.gave_up and here.record.solution_seen


async def test_beginning_anew_keeps_a_copy() -> None:
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning() as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("✗ values")
        await here.press("R")
        await here.asked(Ask)
        await here.press("c")
        await here.shows("✗ values")
        assert FILE.read_text() == BY_VALUE
        await here.press("R")
        await here.asked(Ask)
        await here.press("b")
        await here.shows("What you had is kept as", ".old-1.py")
        assert FILE.read_text() == starter(exercises()[CLIP])
        assert FILE.with_suffix(".old-1.py").read_text() == BY_VALUE
        await here.press("tab")
        await here.shows("It is as it was at the", "open it in your editor")


async def test_the_lab_shows_the_same_thing() -> None:
    async with learning() as here:
        await here.open("bptt")
        await here.press("l")
        await until(here.pilot, lambda: isinstance(here.app.screen, StepScreen) and here.app.screen.place is not None)
        step = here.app.screen
        assert isinstance(step, StepScreen)
        await until(here.pilot, lambda: step.place is not None and step.place.moment.phase == "backward")
        assert step.subject.cell == "rnn"
        await here.press("3")
        await here.press("escape")
        await here.open("gradient_flow")
        await here.press("l")
        await here.shows("lstm-lab experiment gradient-flow --quick")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("lstm-lab step hello", (Subject(), False)),
        ("lstm-lab step 'a b' --cell gru --backward", (Subject("a b", "gru"), True)),
        ("lstm-lab step hello --hidden-size 5 --trained", (Subject(hidden_size=5, trained=True), False)),
        ("lstm-lab step hello --seed 3", None),
        ("lstm-lab train", None),
    ],
)
def test_commands_of_the_lab(command: str, expected: object) -> None:
    assert walked_by(command) == expected


def test_every_step_command_of_the_course_is_understood() -> None:
    steps = [exercise.lab for exercise in exercises().values() if exercise.lab.startswith("lstm-lab step")]
    commands = [command for command in steps if "--checkpoint" not in command]  # of which the Step screen knows nothing
    assert len(commands) >= 5 and all(map(walked_by, commands))


async def test_the_debugger_follows_the_learners_file() -> None:
    build = exercises()["build_lstm"]
    path, _ = Course().start(build)
    path.write_text(starter(build).split("\n")[0] + "\n" + build.solution)
    async with learning(LARGE) as here:
        await here.open("build_lstm")
        await here.press("d")
        await here.shows(f"{path.name}: no number differs")
        assert isinstance(here.app.screen, StepScreen)
        assert Path(here.app.screen.subject.against) == path


# What may be wrong.


async def test_a_folder_that_cannot_be_written() -> None:
    Path("lstm-exercises").write_text("not a folder")
    async with learning() as here:
        await here.open(CLIP)
        await here.press("s")
        # On the screen a long path breaks the sentence anywhere.
        told = "is a file, expected a folder"
        await until(here.pilot, lambda: any(told in notice.message for notice in here.app._notifications))
        await here.press("tab")
        await here.shows("Not started yet.")


async def test_the_folder_that_was_given(tmp_path: Path) -> None:
    async with learning(opening=Opening(learn=True, folder=tmp_path / "mine")) as here:
        await here.open(CLIP)
        await here.press("s")
        await here.shows("./mine/")
        assert (tmp_path / "mine" / FILE.name).is_file()


async def test_a_file_that_is_renamed_or_gone_is_noticed() -> None:
    Course().start(exercises()[CLIP])
    async with learning() as here:
        await here.open(CLIP)
        await here.shows(f"./{FILE}")
        FILE.rename(FILE.with_name("other.py"))
        await here.shows("./lstm-exercises/other.py")
        FILE.with_name("other.py").unlink()
        await here.shows("no file yet")
        await here.press("tab")
        await here.shows("There is no file for this exercise in ./lstm-exercises any more.")
        await here.press("s")
        await here.shows("It is as it was at the beginning.")


@pytest.mark.parametrize(
    ("command", "told"),
    [("no-such-editor", "which is no program here"), ("false", "false ended with status 1")],
)
async def test_an_editor_that_fails(command: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", command)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("e")
        await here.shows(told)


async def test_the_lab_comes_back_from_an_editor_that_cannot_be_executed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "editor"
    program.write_bytes(b"\x7fELF no program")
    program.chmod(0o700)
    came_back = []

    @contextmanager
    def suspend(app: LabApp) -> Iterator[None]:  # as Textual has it: without a finally
        yield
        came_back.append(app)

    monkeypatch.setenv("VISUAL", str(program))
    monkeypatch.setattr(LabApp, "suspend", suspend)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("e")
        await here.shows("Exec format error")
        assert came_back == [here.app]


async def test_a_terminal_that_cannot_be_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    from textual.app import App

    monkeypatch.setenv("VISUAL", "true")
    monkeypatch.setattr(LabApp, "suspend", App.suspend)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("e")
        await here.shows("The editor cannot be opened")


async def test_a_failure_of_the_grader_is_not_the_learners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lstm_lab.crash.keep", lambda trace: tmp_path / "trace.txt" if "our bug" in trace else None)
    monkeypatch.setattr("lstm_lab.exercises.check.Ladder", lambda *_: (_ for _ in ()).throw(RuntimeError("our bug")))
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("trace.txt")
        assert "this is not your mistake" in here.panel("#result")
        assert not here.record.attempts


async def test_a_kernel_without_landlock_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Check.run
    monkeypatch.setattr(Check, "run", lambda check: replace(run(check), confinement="seccomp, limits"))
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("no Landlock")
        assert "In force: seccomp, limits." in here.panel("#result")


async def test_progress_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    async with learning(LARGE) as here:
        await here.shows("progress cannot be")


async def test_nothing_that_a_file_says_drives_the_terminal() -> None:
    Course().start(exercises()[CLIP])
    told = f"def clip_gradients(grads, max_norm):\n    print({HOSTILE!r})\n    raise ValueError({HOSTILE + MARKUP!r})\n"
    FILE.write_text(MARKER + told)
    path = FILE.with_name(MARKUP.replace("/", "") + ".py")
    FILE.rename(path)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("ValueError", "Your code printed:")
        assert hidden_in(here.text) == set() and MARKUP.replace("/", "") in here.text
        assert here.app.crash is None


# How it looks.


@pytest.mark.slow
@pytest.mark.parametrize("size", [(60, 16), SMALL, LARGE, (200, 55)])
async def test_ascii_only(size: tuple[int, int]) -> None:
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning(size, ascii_only=True) as here:
        for key in ("enter", "tab", "escape"):
            assert here.text.isascii()
            await here.press(key)
        await here.open(CLIP)
        await here.press("c")
        await here.shows("x values")
        assert here.text.isascii()


async def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning(LARGE) as here:
        await here.open(CLIP)
        await here.press("c")
        await here.shows("✗ values")
        for piece in segments(here.app):
            colors = [piece.style.color, piece.style.bgcolor] if piece.style else []
            assert all(color is None or color.is_default for color in colors), piece


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_whatever_is_read_can_be_read(size: tuple[int, int]) -> None:
    """Contrast of text and ground, WCAG's 4.5 to 1, in both themes."""
    Course().start(exercises()[CLIP])
    FILE.write_text(BY_VALUE)
    async with learning(size) as here:
        for _ in range(2):
            await here.press("escape")
            await until(here.pilot, lambda: not _poor(here))
            await here.open(CLIP)
            await until(here.pilot, lambda: not _poor(here))
            await here.press("c")
            await here.shows("✗ values")
            await until(here.pilot, lambda: not _poor(here))
            await here.press("f2")


def _poor(here: Learner) -> set[str]:
    def luminance(rgb: tuple[int, int, int]) -> float:
        parts = [part / 255 for part in rgb]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    poor = set()
    for text, style, _ in segments(here.app):
        if style and style.color and style.bgcolor and any(map(str.isalnum, text)):
            light, dark = sorted(
                (luminance(tuple(color.get_truecolor())) for color in (style.color, style.bgcolor)), reverse=True
            )
            if (light + 0.05) / (dark + 0.05) < 4.5:
                poor.add(text)
    return poor


@pytest.mark.slow
def test_nothing_is_imported_before_it_is_needed() -> None:
    """The lab's first frame does not wait for course and handbook, nor the course for computer algebra."""
    code = (
        "import sys, lstm_lab.app.lab; "
        "assert not {'lstm_lab.exercises.course', 'lstm_lab.handbook'} & set(sys.modules); "
        "import lstm_lab.app.screens.learn; assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_the_program_opens_here(tmp_path: Path) -> None:
    """The whole way in a terminal, with a real editor, which Ctrl-C and a full output do not disturb."""
    from app.terminal import LEAVE, Terminal

    program = tmp_path / "editor"
    (tmp_path / "right").write_text(RIGHT)
    program.write_text(f'#!/bin/sh\necho EDITING; read answer; cat "{tmp_path}/right" > "$1"\n')
    program.chmod(0o700)
    terminal = Terminal("learn", VISUAL=str(program), XDG_STATE_HOME=str(tmp_path / "state"), PWD=os.getcwd())
    try:
        terminal.until(lambda: b"Before the first" in terminal.output)
        terminal.press("\x1b[B" * 7 + "\r")
        terminal.until(lambda: b"What and why" in terminal.output)
        terminal.press("e")
        terminal.until(lambda: b"EDITING" in terminal.output)
        terminal.press("\n")
        terminal.until(lambda: b"Passed. 1 try" in terminal.output)
        terminal.press("q")
        assert terminal.code() == 0
        assert terminal.output.endswith(LEAVE) or LEAVE in terminal.output
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()
    assert FILE.read_text() == RIGHT
