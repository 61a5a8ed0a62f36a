"""Recording a lesson, and replaying it at another size."""

from __future__ import annotations

import json
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from app.laboratory import LARGE, SMALL, Lab, lab

from lstm_lab.app import recorder as recorder_module
from lstm_lab.app.cast import write_cast
from lstm_lab.app.lab import LabApp
from lstm_lab.app.modes import MODES
from lstm_lab.app.played import PlayedTrainer
from lstm_lab.app.recorder import Recorder
from lstm_lab.app.recording import AskNote
from lstm_lab.app.replay import ReplayApp
from lstm_lab.lessons.log import Lesson, load_lesson
from lstm_lab.text.lesson import lesson_lines


class Clock:
    """Time that the test decides."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def replay(lesson: Lesson, size: tuple[int, int] = LARGE) -> AsyncIterator[Lab]:
    """A lesson that stands still until the test goes on."""
    app = ReplayApp(lesson)
    app.paused = True
    async with app.run_test(size=size, notifications=True) as pilot:
        here = Lab(app, pilot)
        await here.until(lambda: app.base.query("ReplayBar"))
        yield here


async def go(here: Lab, time: float) -> None:
    assert isinstance(here.app, ReplayApp)
    here.app.time = time
    await here.app.go(time)


async def settled(here: Lab, state: dict[str, Any]) -> None:
    """Waits until the same is shown; of a subject, the screen may have more to say."""
    await here.until(lambda: isinstance(here.app, LabApp) and _same(here.app.shown(), state))


def _same(shown: dict[str, Any], state: dict[str, Any]) -> bool:
    return json.loads(json.dumps(shown)) == state


async def test_what_is_recorded_at_one_size_is_shown_again_at_another(tmp_path: Path) -> None:
    """Every screen, each with something done on it."""
    path, clock = tmp_path / "lesson.jsonl", Clock()
    states: list[tuple[float, dict[str, Any]]] = []

    async with lab(SMALL) as here:
        app = here.app
        recorder = Recorder(str(path), "A test", clock)
        app.recorder = recorder

        async def look() -> None:
            clock.now += 10.0
            await app.look(recorder)
            states.append((recorder.seconds, json.loads(json.dumps(app.shown()))))

        await here.press("f", "s")
        await here.until(lambda: getattr(here.app.base.typist, "sample", None))  # type: ignore[attr-defined]
        await here.paused()
        await here.press("t")
        await look()
        await here.press("2")
        await here.until(lambda: app.base.place is not None)  # type: ignore[attr-defined]
        await here.press("right", "right", "down", "c")
        await here.shows("GRU")
        await look()
        await here.press("4")
        await here.until(lambda: app.base.look is not None)  # type: ignore[attr-defined]
        await here.press("v", "down", "right", "i", "enter")
        await here.until(lambda: app.base.look.name == "i")  # type: ignore[attr-defined]
        await look()
        await here.press("3")
        await here.until(lambda: app.base.known is not None)  # type: ignore[attr-defined]
        await here.press("enter")
        await here.shows("exercise 1 of")
        await look()
        await here.press("5")
        await here.until(lambda: app.base.look is not None)  # type: ignore[attr-defined]
        await here.press("v", "c", "plus", "i", "left")
        await look()
        await here.press("6")
        await here.until(lambda: app.base.look is not None and app.base.look.measured)  # type: ignore[attr-defined]
        await here.press("down", "z", "right", "right", "a", "enter", "s", "k")
        await here.until(lambda: app.base.look.worth and not app.base.look.ranking)  # type: ignore[attr-defined]
        await look()
        await here.press("7")
        await here.until(lambda: app.base.entries and app.base.query_one("#list").chosen)  # type: ignore[attr-defined]
        await here.press("down", "enter", "right")
        await here.until(lambda: app.base.view == "table")  # type: ignore[attr-defined]
        await look()
        await here.press("8")
        await here.shows("Handbook")
        await here.press("down", "down")
        await look()
        await app.end_recording()

    lesson = load_lesson(str(path))
    assert lesson.header.title == "A test"
    assert [value["id"] for value in lesson.tracks["do"].values][:2] == ["train.gate.f", "train.sample"]
    async with replay(lesson, LARGE) as there:
        assert isinstance(there.app, ReplayApp)
        for time, state in (*states, *reversed(states)):
            await go(there, time + 0.01)
            await settled(there, state)


async def test_the_numbers_are_those_that_were_recorded(tmp_path: Path) -> None:
    path, clock = tmp_path / "lesson.jsonl", Clock()
    async with lab() as here:
        recorder = Recorder(str(path), clock=clock)
        here.app.recorder = recorder
        await here.paused()
        await here.app.look(recorder)
        first = here.step
        for _ in range(5):
            clock.now += 1.0
            before = here.step
            await here.press("n")
            await here.until(lambda before=before: here.step > before)
            recorder.progress(here.trainer)
        clock.now += 3.0
        await here.app.look(recorder)
        curve = here.trainer.snapshot().history
        await here.app.end_recording()
    lesson = load_lesson(str(path))
    async with replay(lesson) as there:
        assert isinstance(there.app, ReplayApp)
        await go(there, 3.5)
        snapshot = there.trainer.snapshot()
        assert snapshot.step == first + 3
        assert snapshot.history.loss.tolist() == curve.loss[curve.steps <= first + 3].tolist()
        await go(there, lesson.seconds)
        assert there.trainer.snapshot().history.loss.tolist() == curve.loss.tolist()
        assert isinstance(there.trainer, PlayedTrainer)
        there.trainer.start()
        assert not there.trainer.running


async def test_taking_over_and_coming_back(tmp_path: Path) -> None:
    path, clock = tmp_path / "lesson.jsonl", Clock()
    async with lab() as here:
        recorder = Recorder(str(path), clock=clock)
        here.app.recorder = recorder
        await here.paused()
        await here.app.look(recorder)
        step = here.step
        clock.now += 5.0
        recorder.note("Now it is your turn.")
        await here.app.end_recording()
    async with replay(load_lesson(str(path)), SMALL) as there:
        app = there.app
        assert isinstance(app, ReplayApp)
        await there.press("right", "right")
        await there.shows("Now it is your turn.", f"{step:,}")
        await there.press("n")  # is the screen's, and it is not ours
        await there.shows("t takes over")
        assert not there.trainer.running
        await there.press("t")
        await there.shows("The lab is yours")
        await there.press("n")
        await there.until(lambda: there.step > step)
        await there.press("2")
        await there.until(lambda: app.current_mode == "step")
        await there.press("ctrl+t")
        await there.until(lambda: app.current_mode == "train" and there.step == step)
        assert not there.trainer.running
        await there.shows("Now it is your turn.")


@pytest.mark.parametrize("size", [(60, 16), SMALL, LARGE, (200, 55)])
async def test_the_bar_has_the_time_and_a_click_seeks(tmp_path: Path, size: tuple[int, int]) -> None:
    path, clock = tmp_path / "lesson.jsonl", Clock()
    async with lab() as here:
        recorder = Recorder(str(path), clock=clock)
        here.app.recorder = recorder
        await here.app.look(recorder)
        clock.now = 60.0
        await here.app.end_recording()
    async with replay(load_lesson(str(path)), size) as there:
        await there.shows("0:00", "1:00")
        line = there.line[-1]
        await there.pilot.click("#replay", offset=(line.index("─") + line.count("─") // 2, 2))
        await there.until(lambda: 25 < there.app.time < 35)  # type: ignore[attr-defined]


async def test_the_shipped_lesson_plays_to_its_end() -> None:
    lesson = load_lesson("forget-gate")
    assert 200 < lesson.seconds < 400
    changes = sorted({time for kind in ("state", "note") for time in lesson.tracks[kind].times})
    async with replay(lesson, SMALL) as there:
        for time in (*changes[::4], lesson.seconds):
            await go(there, time)
        assert there.app.crash is None
        last = lesson.tracks["state"].values[-1]
        await settled(there, last)


def test_the_shipped_lesson_in_plain_text() -> None:
    lines = list(lesson_lines(load_lesson("forget-gate"), 80))
    assert max(map(len, lines)) <= 80
    assert sum(":" in line[:5] for line in lines) > 15, "captions with their times"


def test_captions_fit_into_two_lines_of_a_small_terminal() -> None:
    for _, note in load_lesson("forget-gate").notes():
        assert len(textwrap.wrap(note, 78)) <= 2, note


def test_a_cast_has_the_size_and_the_times_of_the_lesson(tmp_path: Path) -> None:
    lesson = load_lesson("forget-gate")
    short = Lesson(lesson.header, [event for event in events_of(lesson) if event[0] < 8.0])
    write_cast(short, str(tmp_path / "a.cast"), (70, 20))
    header, *events = map(json.loads, (tmp_path / "a.cast").read_text().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 70, 20)
    assert [kind for _, kind, _ in events] == ["o"] * len(events)
    times = [time for time, _, _ in events]
    assert times == sorted(times) and 7.0 < times[-1] < 10.0
    assert "What does the forget gate of an LSTM do?" in "".join(data for _, _, data in events)


def events_of(lesson: Lesson) -> list[tuple[float, str, Any]]:
    """In the order of their times."""
    tracks = lesson.tracks.items()
    events = [
        (time, kind, value) for kind, track in tracks for time, value in zip(track.times, track.values, strict=True)
    ]
    return sorted(events, key=lambda event: event[0])


GARBAGE: list[Any] = [None, True, -1, 10**30, 1.5, 1e300, "", "x" * 5000, "\x1b[2J", [], [1, [2]], {}, {"a": {}}]


@pytest.mark.parametrize("mode", [mode.id for mode in MODES])
async def test_no_state_of_a_hostile_lesson_harms_a_screen(mode: str) -> None:
    """Each value of a state in turn is one that makes no sense there."""
    async with lab() as here:
        app = here.app
        await here.paused()
        await app.show({"screen": mode})
        await here.pilot.pause()
        known = app.shown()
        for name in known:
            for value in GARBAGE if name != "screen" else ():
                await app.show({**known, name: value})
        await app.show({"screen": mode})
        await here.pilot.pause()
        assert app.current_mode == mode
        assert app.crash is None


async def test_a_moment_in_the_middle_has_its_sample() -> None:
    lesson = load_lesson("forget-gate")
    states = lesson.tracks["state"]
    written = [k for k, state in enumerate(states.values) if "sample" in state]
    time, state = states.times[written[-1]], states.values[written[-1]]
    async with replay(lesson, SMALL) as there:
        await go(there, time)
        await there.shows(state["sample"][3].split()[0])


async def test_the_captions_numbers_are_those_on_the_screen() -> None:
    """Of the operations, whose losses are measured where the lesson is watched."""
    lesson = load_lesson("forget-gate")
    states = lesson.tracks["state"]
    async with replay(lesson, SMALL) as there:
        for operations in (["f=0"], ["f=1"]):
            at = max(k for k, state in enumerate(states.values) if state.get("operations") == operations)
            await go(there, states.times[at])
            screen: Any = there.app.base  # type: ignore[attr-defined]
            await there.until(lambda screen=screen: screen.look is not None and len(screen.look.conditions) == 2)
            loss = screen.look.conditions[1].evaluation.nats
            assert f" {loss:.2f}" in " ".join(note for _, note in lesson.notes()), operations


async def test_recording_starts_and_ends_with_a_key_and_takes_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lesson-1.jsonl").write_text("an older one")
    async with lab() as here:
        app = here.app
        await here.press("ctrl+n")
        assert app.screen is app.base, "no notes without a recording"
        await here.press("ctrl+r")
        await here.shows("● rec")
        await here.press("ctrl+n")
        await here.asked(AskNote)
        await here.type_into("#note", "Look at the loss")
        await here.press("enter")
        await here.until(lambda: app.screen is app.base)
        await here.press("f")
        assert app.recorder is not None
        await here.until(lambda: app.recorder._state[0])  # type: ignore[union-attr]
        await here.press("ctrl+r")
        await here.shows("Recorded")
        assert "rec " not in here.line[0]
    assert (tmp_path / "lesson-1.jsonl").read_text() == "an older one"
    lesson = load_lesson(str(tmp_path / "lesson-2.jsonl"))
    assert [note for _, note in lesson.notes()] == ["Look at the loss"]
    assert [value["id"] for value in lesson.tracks["do"].values] == ["train.gate.f"]
    assert lesson.tracks["state"].values[-1]["screen"] == "train"
    assert len(lesson.tracks["end"].times) == 1


async def test_the_keys_of_a_replay() -> None:
    lesson = load_lesson("forget-gate")
    notes = [time for time, _ in lesson.notes()]
    async with replay(lesson, SMALL) as there:
        app = there.app
        assert isinstance(app, ReplayApp)
        await there.press("right_square_bracket")
        assert app.time == notes[1]
        await there.press("right", "right", "left")
        assert app.time == pytest.approx(notes[1] + 5.0)
        await there.press("left_square_bracket")
        assert app.time == notes[1]
        await there.press("plus", "plus", "minus")
        await there.shows("1.5x")
        await there.press("home")
        assert app.time == 0.0
        await there.press("space")
        await there.until(lambda: app.time > 0.3)
        await there.press("space")
        await there.shows("space play")
        await there.press("question_mark")
        await there.shows("Five seconds on")
        await there.press("escape")
        await there.press("end")
        assert app.time == lesson.seconds
        await there.press("space")  # from the beginning again
        await there.until(lambda: 0.0 < app.time < 20.0)


async def test_a_network_that_no_lesson_can_hold_ends_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_NETWORK", recorder_module.MAX_LINE + 1000)
    async with lab() as here:
        here.app.record(Recorder(str(tmp_path / "a.jsonl")))
        await here.shows("too large for a lesson")
        assert here.app.recorder is None
