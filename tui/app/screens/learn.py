"""The Learn screen: the course as a map, and one exercise with its text, what the check found, hints and solution."""

from __future__ import annotations

import asyncio
import shlex
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip

from lstm_ext.cells import CELLS
from lstm_ext.errors import LabError
from lstm_lab.exercises.catalogue import Exercise, chapters, exercises
from lstm_lab.exercises.course import Checked, Course, digest, hints
from lstm_lab.exercises.editor import editor_command
from lstm_lab.exercises.questions.model import answers_of, questions_of
from lstm_lab.exercises.watching import INTERVAL, BackgroundCheck, SavedFiles

from ... import crash
from ...text.learn import short_path, unguessed
from ...text.visible import visible
from ..background import in_background
from ..driver import lend_terminal
from ..keys import LEARNING, LOOKING, bind
from ..shown import State, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.canvas import Canvas, row
from ..widgets.course_map import CourseMap
from ..widgets.course_pages import (
    Known,
    card,
    exercise_page,
    headline,
    question_blocks,
    result_page,
)
from ..widgets.page import Lines, Page, Tab
from .answer import AskAnswer, AskEssay, AskPoints
from .dialog import Ask
from .step import StepScreen
from .subject import Subject

T = TypeVar("T")
View = Literal["text", "result", "solution"]
#: Columns from which both pages of an exercise have all the room that they can use.
_BROAD = 150
#: Seconds before the file of an exercise that was just opened is checked: going past exercises starts nothing.
_SETTLE = 0.4


@dataclass
class Desk:
    """The open exercise, and what came of it since the lab was opened."""

    exercise: Exercise
    checked: Checked | None = None
    #: The digest of the file that was checked, or is being checked
    content: str = ""
    #: Where a failed grader's traceback is
    trace: str = ""
    #: The check whose result ``checked`` is
    run: BackgroundCheck | None = None
    #: The rungs that the check under way has tried; None: there is no such check
    tried: list[str] | None = None
    #: The question that is chosen
    question: int = 0
    #: The solution, once it was looked at
    solution: tuple[Text, ...] = ()


class Headline(Canvas):
    """The title of the open exercise, and what one needs to know about it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts = ("", "", "")

    def show(self, title: str, state: str, facts: str) -> None:
        """Show other words."""
        self._parts = (visible(title), visible(state), visible(facts))
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """Two rows."""
        title, state, facts = self._parts
        style = self.ink.good if state.endswith("passed") else self.ink.muted
        return [row(width, [(title, self.ink.strong)], [(state, style)]), row(width, [(facts, self.ink.muted)])]


class Questions(Page):
    """The questions of a sheet, the chosen one in full; the arrow keys choose."""

    HELP_TITLE = "The questions"
    HELP = (
        "Up and down choose a question, Enter answers it. Answers are written into your sheet, a file, which you may "
        "edit as well. Each answer is judged at once, and a wrong one is told why."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("questions.up", "up", "screen.choose(-1)", "up", "The question above", LOOKING),
        bind("questions.down", "down", "screen.choose(1)", "down", "The question below", LOOKING),
    ]

    def show_questions(self, blocks: Callable[[int], list[list[Text]]], chosen: int, tabs: list[Tab]) -> None:
        """Show blocks of lines, with number ``chosen`` in view."""
        self.show(lambda width: chain.from_iterable(blocks(width)), tabs=tabs)
        width = self.size.width
        if width:
            sizes = [len(list(self.folded(block, width))) for block in blocks(width)]
            first = sum(sizes[:chosen])
            self.see(first if chosen > 1 else 0, first + sizes[chosen] - 1)


class LearnScreen(Screen[None]):
    """Reads the course's files in the background, and shows what they say; nothing that a key does waits for them."""

    CSS_PATH = "learn.tcss"
    HELP_TITLE = "Learn"
    HELP = (
        "The course. Choose an exercise on the map and read its text; start puts a file into your folder, which you "
        "edit with any editor. Whenever you save, it is checked: the rungs of the check from the first to the last, "
        "and for the first one that is broken what was called, what came out and what was wanted. Your file runs in a "
        "process of its own."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("learn.open", "enter", "open", "open", "Open the exercise", LEARNING, on_bar=True),
        bind("learn.map", "escape,m", "map", "map", "Back to the map", LEARNING, on_bar=True),
        bind("learn.view", "tab", "view(1)", "page", "Text, result, and what else there is", LEARNING, on_bar=True),
        bind("learn.view_back", "shift+tab", "view(-1)", "page back", "The page before", LEARNING),
        bind("learn.answer", "enter", "answer", "answer", "Answer the question", LEARNING, on_bar=True),
        bind("learn.start", "s", "start", "start", "Put the exercise into your folder", LEARNING, on_bar=True),
        bind("learn.edit", "e", "edit", "edit", "Open the file in your editor", LEARNING, on_bar=True),
        bind("learn.check", "c", "check", "check", "Check now", LEARNING, on_bar=True),
        bind("learn.hint", "h", "hint", "hint", "A hint for what is broken", LEARNING, on_bar=True),
        bind("learn.solution", "o", "solution", "solution", "A solution, or give up", LEARNING, on_bar=True),
        bind("learn.next", "n", "go(1)", "next", "The next exercise", LEARNING, on_bar=True),
        bind("learn.previous", "p", "go(-1)", "previous", "The exercise before", LEARNING),
        bind("learn.lab", "l", "lab", "lab", "The same thing in the lab", LEARNING),
        bind("learn.debug", "d", "debug", "debug", "Your file beside the lab, number by number", LEARNING),
        bind("learn.reveal", "v", "reveal", "reveal", "Show what was measured, without a guess", LEARNING),
        bind("learn.reset", "R", "reset", "reset", "Begin anew; your file is kept", LEARNING),
    ]

    class Tried(Message):
        """The check that appends to ``tried`` has come to another rung."""

        def __init__(self, tried: list[str], rung: str) -> None:
            super().__init__()
            self.tried, self.rung = tried, rung

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self.course = Course(folder=folder)
        self.known: Known | None = None
        self.desk: Desk | None = None
        self.view: View = "text"
        self._desks: dict[str, Desk] = {}
        #: What was said about the file with the progress
        self._noticed: set[str] = set()
        #: What is shown, so that another page begins at its first line
        self._on_page: object = None

    def compose(self) -> ComposeResult:
        """The map with a card, or an exercise with its pages."""
        yield TitleBar(id="title")
        with Container(id="course"):
            yield CourseMap(id="map")
            yield Page(id="card")
        with Vertical(id="exercise"):
            yield Headline(id="headline")
            with Horizontal(id="pages"):
                yield Page(id="reader")
                yield Page(id="result")
                yield Questions(id="questions")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Begin on the map, at what is to be done next."""
        self.query_one("#card").can_focus = False
        self.query_one(CourseMap).focus()
        self._begin()

    @work(exclusive=True, group="begin")
    async def _begin(self) -> None:
        following = await self._aside(self.course.next)
        await self._reload()
        if following and self.desk is None:
            self.query_one(CourseMap).choose(following.id)

    def on_screen_resume(self) -> None:
        """Something may have happened on the command line."""
        if self.known is not None:
            self._refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Both pages of an exercise side by side, where there is room."""
        self.set_class(event.size.width >= _BROAD, "-broad")
        self.call_after_refresh(self._draw)

    # What is known.

    async def _aside(self, function: Callable[[], T]) -> T:
        """What ``function``, which may wait for files, returns in the background."""
        return await asyncio.wrap_future(in_background(function))

    def _know(self, exercise: Exercise | None) -> Known:
        course = self.course
        standings, records = course.standings(), course.progress.records()
        if exercise is None:
            return Known(course.workspace, standings, records)
        file = course.workspace.find(exercise)
        given = course.given(exercise) if exercise.kind == "questions" else {}
        untouched = file is not None and course.untouched(exercise, file)
        return Known(course.workspace, standings, records, exercise, file, untouched, given)

    async def _reload(self) -> None:
        """Read the learner's files again, and show what they say."""
        exercise = self.desk.exercise if self.desk else None
        known = await self._aside(partial(self._know, exercise))
        if exercise is (self.desk.exercise if self.desk else None):
            self.known = known
            self._draw()
        for notice in self.course.progress.notices:
            if notice not in self._noticed:
                self._noticed.add(notice)
                self.notify(notice, severity="warning", timeout=10)
        self.course.progress.notices.clear()

    @work(exclusive=True, group="reload")
    async def _refresh(self) -> None:
        await self._reload()

    # What is shown.

    def _draw(self) -> None:
        known, desk = self.known, self.desk
        if known is None or known.exercise is not (desk and desk.exercise):
            return
        with self.app.batch_update():
            self.set_class(desk is not None, "-open")
            if desk is None:
                self.query_one(CourseMap).show(chapters(), known.standings, known.records)
                self._draw_card()
                self.query_one(TitleBar).show(f"the course · {short_path(known.workspace.folder)}")
            else:
                self._draw_exercise(desk, known)
        self.refresh_bindings()

    def _draw_card(self) -> None:
        exercise, known = self.query_one(CourseMap).chosen, self.known
        if exercise is not None and known is not None:
            brief = not self.has_class("-wide")
            page = self.query_one("#card", Page)
            page.show(lambda width: card(exercise, known, width, brief=brief), begin=True)

    def on_course_map_chosen(self) -> None:
        """Another exercise's card."""
        self._draw_card()

    def _draw_exercise(self, desk: Desk, known: Known) -> None:
        exercise = desk.exercise
        sheet = exercise.kind == "questions"
        views, beside = self._views(), self.has_class("-wide")
        self.set_class(not sheet, "-code")
        self.set_class(sheet, "-sheet")
        self.set_class(self.view == "result", "-on-result")
        self.query_one(TitleBar).show(f"exercise {known.number(exercise)} of {len(known.standings)}")
        self.query_one(Headline).show(*headline(exercise, known))
        tabs = [self._tab(view) for view in views]
        of_reader = [tab for tab, view in zip(tabs, views, strict=True) if not (beside and view == "result")]
        of_result = [self._tab("result")] if beside else tabs
        shown: View = "text" if self.view == "result" else self.view
        lines: Lines = (
            (lambda width: desk.solution) if shown == "solution" else lambda width: exercise_page(exercise, width)
        )
        begin, self._on_page = self._on_page != (exercise.id, shown), (exercise.id, shown)
        self.query_one("#reader", Page).show(lines, tabs=of_reader, begin=begin)
        if sheet:
            self._draw_questions(desk, known, of_result)
        else:
            page = partial(result_page, exercise, known, desk.checked, desk.tried, desk.trace)
            self.query_one("#result", Page).show(page, tabs=of_result)

    def _draw_questions(self, desk: Desk, known: Known, tabs: list[Tab]) -> None:
        blocks = partial(question_blocks, desk.exercise, known, desk.checked, desk.trace, desk.question)
        names = {question.name for question in questions_of(desk.exercise)}
        broken = desk.checked.report.broken if desk.checked and known.file else None
        chosen = desk.question + 1 if broken is None or broken.name in names else 0  # 0: the sheet as a whole
        self.query_one(Questions).show_questions(blocks, chosen, tabs)

    def _views(self) -> list[View]:
        desk = self.desk
        return ["text", "result", "solution"] if desk and desk.solution else ["text", "result"]

    def _tab(self, view: View) -> Tab:
        desk = self.desk
        title = "Questions" if view == "result" and desk and desk.exercise.kind == "questions" else view.capitalize()
        beside = self.has_class("-wide") and view == "text" and self.view == "result"
        return Tab(title, f"screen.show('{view}')", view == self.view or beside)

    def _show_view(self, view: View) -> None:
        self.view = view
        self._draw()
        sheet = self.desk is not None and self.desk.exercise.kind == "questions"
        page = "#reader" if view != "result" else "#questions" if sheet else "#result"
        self.call_after_refresh(lambda: self.query_one(page).focus())

    # For recordings.

    def state(self) -> State:
        """The open exercise, and the page of it; what a learner wrote is not in it."""
        desk = self.desk
        if desk is None:
            chosen = self.query_one(CourseMap).chosen
            return {"exercise": "", "chosen": chosen.id if chosen else ""}
        return {"exercise": desk.exercise.id, "view": self.view, "question": desk.question}

    async def restore(self, state: State) -> None:
        """Open the same page."""
        identifier = word(state, "exercise", "")
        if self.known is None:
            await self._reload()
        if identifier not in exercises():
            if self.desk is not None:
                self.action_map()
            if (chosen := word(state, "chosen", "")) in exercises():
                self.query_one(CourseMap).choose(chosen)
            return
        if self.desk is None or self.desk.exercise.id != identifier:
            self.action_open(identifier)
        view: View = "result" if state.get("view") == "result" else "text"  # a solution is not given away
        if self.desk is not None and self.desk.exercise.kind == "questions":
            self.desk.question = whole(state, "question", 0, 0, len(questions_of(self.desk.exercise)) - 1)
        if view != self.view:
            self._show_view(view)

    # What is possible now.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        desk, known = self.desk, self.known
        if action == "open":
            return desk is None
        if action not in _OF_EXERCISE:
            return True
        if desk is None:
            return False
        exercise = desk.exercise
        if known is None or known.exercise is not exercise:
            return True  # as soon as its files have been looked at
        has_file = known.file is not None
        match action:
            case "answer":
                return exercise.kind == "questions" and self.view == "result"
            case "start":
                return not has_file
            case "check" | "reset":
                return has_file
            case "debug":
                return has_file and exercise.kind == "code" and "--against" in exercise.text
            case "reveal":
                return desk.checked is not None and bool(unguessed(desk.checked)) and exercise.kind == "code"
            case "lab":
                return bool(exercise.lab)
            case "hint":
                return exercise.kind == "questions" or has_file
        return True

    # Where one is.

    def action_open(self, identifier: str = "") -> None:
        """Open an exercise: the one that is marked, or another."""
        marked = self.query_one(CourseMap).chosen
        exercise = exercises().get(identifier) or marked
        if exercise is None:
            return
        self.query_one(CourseMap).choose(exercise.id)
        self._leave_desk()
        self.desk = self._desks.setdefault(exercise.id, Desk(exercise))
        self._show_view("text")
        self._watch(self.desk)

    def action_map(self) -> None:
        """Back to the map."""
        self._leave_desk()
        self.desk = None
        if self.known is not None:
            self.known = replace(self.known, exercise=None)
        self._draw()
        self.query_one(CourseMap).focus()
        self._refresh()

    def _leave_desk(self) -> None:
        self.workers.cancel_group(self, "watch")
        self.workers.cancel_group(self, "check")
        self.workers.cancel_group(self, "act")

    def action_go(self, by: int) -> None:
        """The next exercise, or the one before."""
        if self.desk is not None:
            known = list(exercises())
            place = known.index(self.desk.exercise.id) + by
            if 0 <= place < len(known):
                self.action_open(known[place])

    def action_view(self, by: int) -> None:
        """Another page of the exercise."""
        views = self._views()
        self._show_view(views[(views.index(self.view) + by) % len(views)])

    def action_show(self, view: View) -> None:
        """A page of the exercise."""
        self._show_view(view)

    def action_choose(self, by: int) -> None:
        """Another question."""
        if self.desk is not None:
            self.action_question(self.desk.question + by)

    def action_question(self, index: int) -> None:
        """A question."""
        desk = self.desk
        if desk is not None and self.known is not None and desk.exercise.kind == "questions":
            desk.question = max(0, min(index, len(questions_of(desk.exercise)) - 1))
            if self.view != "result":
                self._show_view("result")
            self._draw()

    # The learner's file.

    @work(exclusive=True, group="watch")
    async def _watch(self, desk: Desk) -> None:
        """Check the file if it was worked on before, and then whenever it is saved; notice when it is gone."""

        def found() -> list[Path]:
            file = self.course.workspace.find(desk.exercise)
            return [file] if file else []

        await self._reload()
        saved = await self._aside(partial(SavedFiles, found))
        await asyncio.sleep(_SETTLE)
        known = self.known
        if known and known.file and not known.untouched:
            content = await self._aside(partial(digest, known.file))
            if desk.checked is None or desk.content != content:
                self._check(desk)
        while True:
            changed = await self._aside(saved.poll)
            now = await self._aside(found)
            if self.known is None or now != ([self.known.file] if self.known.file else []):
                await self._reload()
            if changed and await self._aside(partial(digest, changed[0])) != desk.content:
                self._check(desk)
            await asyncio.sleep(INTERVAL)

    @work(exclusive=True, group="check")
    async def _check(self, desk: Desk) -> None:
        """Check the file; a check that is under way is cancelled."""
        await self._reload()
        known = self.known
        if known is None or known.exercise is not desk.exercise or known.file is None:
            return
        tried: list[str] = []
        desk.tried, desk.content = tried, digest(known.file)
        self._draw()
        run = BackgroundCheck(self.course, desk.exercise, known.file, progress=partial(self._tell, tried))
        try:
            while not await self._aside(partial(run.wait, 60.0)):
                pass
            checked = await self._aside(run.result)
        except asyncio.CancelledError:
            desk.content = ""
            run.cancel()
            raise
        finally:
            if desk.tried is tried:
                desk.tried = None
        if checked is None:
            return
        desk.checked, desk.run, desk.trace = checked, run, ""
        if checked.report.grader_failed:
            path = await self._aside(partial(crash.keep, checked.report.trace))
            desk.trace = str(path or "")
        await self._reload()
        if checked.first_pass and (self.desk is not desk or not self.is_current):
            self.notify(f"Passed: {desk.exercise.title}")

    def _tell(self, tried: list[str], rung: str) -> None:
        self.post_message(self.Tried(tried, rung))

    def on_learn_screen_tried(self, event: Tried) -> None:
        """The check has come to another rung."""
        if self.desk is not None and self.desk.tried is event.tried:
            event.tried.append(event.rung)
            self._draw()

    def _act(self, act: Callable[[Desk], Awaitable[Any]]) -> None:
        """Do something with the learner's files; what they cannot do is said in one line."""
        if self.desk is not None:
            self.run_worker(self._acting(act, self.desk), exclusive=True, group="act")

    async def _acting(self, act: Callable[[Desk], Awaitable[Any]], desk: Desk) -> None:
        await self._reload()
        try:
            await act(desk)
        except LabError as error:
            self.notify(str(error), severity="error", timeout=10)
        await self._reload()

    def action_start(self) -> None:
        """Put the starter into the learner's folder."""
        self._act(self._start)

    async def _start(self, desk: Desk) -> Path:
        path, _ = await self._aside(partial(self.course.start, desk.exercise))
        self._watch(desk)
        self._show_view("result")  # which says where the file is, and what to do with it
        return path

    def action_edit(self) -> None:
        """Open the file in the learner's editor, and check it when that has ended."""
        self._act(self._edit)

    async def _edit(self, desk: Desk) -> None:
        command = editor_command()
        path = self.known.file if self.known and self.known.file else await self._start(desk)
        self.workers.cancel_group(self, "check")
        try:
            status = lend_terminal(self.app, [*command, str(path)])
        except SuspendNotSupported:
            self.notify("The editor cannot be opened from here; edit the file in another window", severity="warning")
            return
        except OSError as error:
            self.notify(f"{command[0]}: {error.strerror or error}", severity="error", timeout=10)
            return
        if status:
            self.notify(f"{command[0]} ended with status {status}", severity="warning")
        await self._reload()
        if self.known and self.known.file and not self.known.untouched:
            self._show_view("result")
            self._check(desk)

    def action_check(self) -> None:
        """Check now."""
        if self.desk is not None:
            self._show_view("result")
            self._check(self.desk)

    def action_reset(self) -> None:
        """Begin anew, after asking."""
        self._act(self._reset)

    async def _reset(self, desk: Desk) -> None:
        answers = [("reset", "Begin anew", "b"), ("cancel", "Cancel", "c")]
        question = (
            f"{desk.exercise.title}: your file becomes as it was at the beginning. What you have is kept beside it."
        )
        if await self.app.push_screen_wait(Ask("Reset", question, answers)) != "reset":
            return
        self.workers.cancel_group(self, "check")
        _, kept = await self._aside(partial(self.course.reset, desk.exercise))
        fresh = self._desks[desk.exercise.id] = self.desk = Desk(desk.exercise)
        if kept:
            self.notify(f"What you had is kept as {short_path(kept)}", timeout=10)
        self._watch(fresh)
        self._show_view("text")

    # Help.

    def action_hint(self) -> None:
        """The next hint for what is broken, or for the chosen question."""
        self._act(self._hint)

    async def _hint(self, desk: Desk) -> None:
        exercise = desk.exercise
        if exercise.kind == "questions":
            rung = questions_of(exercise)[desk.question].name
        elif desk.checked is None:
            self.notify("Hints are for what is broken: check first (c)")
            return
        elif desk.checked.report.broken is None:
            self.notify("Nothing is broken")
            return
        else:
            rung = desk.checked.report.broken.name
        self._show_view("result")
        if not hints(exercise, rung):
            self.notify(f"There is no hint for {rung}: what the check says is all there is to say")
            return
        await self._aside(partial(self.course.hint, exercise, rung))
        await self._reload()
        if exercise.kind == "code":
            self.query_one("#result", Page).action_scroll_ends(1)

    def action_reveal(self) -> None:
        """Show measured numbers for which there is no guess."""
        self._act(self._reveal)

    async def _reveal(self, desk: Desk) -> None:
        if desk.run is not None:
            desk.checked = await self._aside(partial(desk.run.result, reveal=True)) or desk.checked

    def action_solution(self) -> None:
        """The solution, if it is open; or else ask whether the learner gives up."""
        self._act(self._solution)

    async def _solution(self, desk: Desk) -> None:
        exercise = desk.exercise
        if not await self._aside(partial(self.course.solution_is_open, exercise)):
            answers = [("on", "Try on", "t"), ("up", "Give up", "g")]
            question = (
                "The solution opens when you pass. Give up on this exercise and see it now? Your progress will say so."
            )
            if await self.app.push_screen_wait(Ask("Solution", question, answers)) != "up":
                return
            await self._aside(partial(self.course.progress.give_up, exercise.id))
        solution = await self._aside(partial(self.course.solution, exercise))
        desk.solution = tuple(Text(visible(line)) for line in solution.splitlines())
        self._show_view("solution")

    def action_debug(self) -> None:
        """The learner's file beside the lab: the first number that differs."""
        self._act(self._debug)

    async def _debug(self, desk: Desk) -> None:
        if self.known is not None and self.known.file is not None:
            await self._step(Subject(against=str(self.known.file)))

    def action_lab(self) -> None:
        """The same thing on another screen of the lab, or the command that shows it."""
        self._act(self._lab)

    async def _lab(self, desk: Desk) -> None:
        command = desk.exercise.lab
        if command == "lstm-lab train":
            self.app.switch_mode("train")
        elif found := walked_by(command):
            await self._step(*found)
        else:
            question = f"In a shell, {command} shows the same thing."
            await self.app.push_screen_wait(Ask("In the lab", question, [("close", "Close", "c")]))

    async def _step(self, subject: Subject, backward: bool = False) -> None:
        await self.app.switch_mode("step")
        if isinstance(self.app.screen, StepScreen):
            await self.app.screen.walk_through(subject, backward=backward)

    # Answers.

    def action_answer(self) -> None:
        """Answer the chosen question; the answer is written into the sheet and judged."""
        self._act(self._answer)

    async def _answer(self, desk: Desk) -> None:
        exercise = desk.exercise
        question = questions_of(exercise)[desk.question]
        given = self.known.given.get(question.name, "") if self.known else ""
        name = question.name
        answer: str | list[bool] | None
        if question.kind != "essay":
            answer = await self.app.push_screen_wait(AskAnswer(question, given))
        elif self._judging(desk, name):
            name = f"{name}_points"
            answer = await self.app.push_screen_wait(
                AskPoints(question.name, answers_of(exercise)[question.name].points)
            )
        else:
            answer = await self.app.push_screen_wait(AskEssay(question, given))
        if answer is None:
            return
        await self._aside(partial(self.course.answer, exercise, name, answer))
        self._check(desk)

    @staticmethod
    def _judging(desk: Desk, name: str) -> bool:
        """Whether the learner's text is long enough, so that its points are to be judged."""
        rungs = desk.checked.report.rungs if desk.checked else ()
        return any(rung.name == name and rung.finding and rung.finding.code == "points" for rung in rungs)


def walked_by(command: str) -> tuple[Subject, bool] | None:
    """What ``lstm-lab step …`` walks through, and whether it continues backward; None: it is another command."""
    words = shlex.split(command)
    if words[:2] != ["lstm-lab", "step"]:
        return None
    parser = ArgumentParser(exit_on_error=False, add_help=False)
    parser.add_argument("text")
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--hidden-size", type=int, default=3)
    for switch in ("--trained", "--reset-after", "--backward"):
        parser.add_argument(switch, action="store_true")
    found, others = parser.parse_known_args(words[2:])
    if others:
        return None
    subject = Subject(found.text, found.cell, found.reset_after, found.hidden_size, found.trained)
    return subject, found.backward


#: The commands that need an open exercise.
_OF_EXERCISE = {
    *("map", "view", "answer", "start", "edit", "check", "hint", "solution", "go", "lab", "debug", "reveal", "reset"),
}
