"""A recorded lesson as plain text: what its author says, and what is shown meanwhile."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..lessons.log import Lesson
from .units import clock, number


def lesson_lines(lesson: Lesson, width: int) -> Iterator[str]:
    """The title, and for each caption the time, the text, and what is seen at its end; without captions, what is seen
    on each screen when it is left."""
    yield f"{lesson.header.title or 'A recorded lesson'} ({clock(lesson.seconds)})"
    yield ""
    notes, states = lesson.tracks["note"], lesson.tracks["state"]
    marks = list(zip(notes.times, notes.values, strict=True)) or [
        (time, f"The {str(state['screen']).capitalize()} screen.")
        for time, state, before in zip(states.times, states.values, [{}, *states.values], strict=False)
        if state["screen"] != before.get("screen")
    ]
    ends = [*(time for time, _ in marks[1:]), lesson.seconds]
    for (time, said), end in zip(marks, ends, strict=True):
        if said:
            lines = textwrap.wrap(said, max(20, width - 7)) or [""]
            yield f"{clock(time):>5}  {lines[0]}"
            yield from (f"       {line}" for line in lines[1:])
            for line in moment_lines(lesson, max(time, end - 0.1)):
                yield from textwrap.wrap(line, width, initial_indent="       | ", subsequent_indent="       |   ")
    yield f"{clock(lesson.seconds):>5}  The end."


def moment_lines(lesson: Lesson, time: float) -> Iterator[str]:
    """What is seen at a time."""
    moment = lesson.at(time)
    state = moment.state or {}
    subject = str(state.get("subject", ""))
    yield f"{str(state.get('screen', '')).capitalize()}{' · ' if subject else ''}{subject}"
    if place := _PLACES.get(str(state.get("screen"))):
        yield place(state)
    if state.get("screen") == "train" and moment.train is not None:
        yield training_line(moment.train)
    match state.get("sample"):
        case [_, _, _, str(text)] if state.get("screen") == "train":
            yield f"the network writes: {' '.join(text.split())[:200]}"


def training_line(train: Mapping[str, Any]) -> str:
    """A snapshot of a run."""
    validation = "" if train["val_loss"] is None else f", validation {number(train['val_loss'])}"
    return f"{train['status']}, step {train['step']:,}, loss {number(train['smoothed'])}{validation}"


def _step(state: Mapping[str, Any]) -> str:
    way = "" if state.get("phase") == "forward" else ", on the way back"
    t = state.get("t")
    where = f"character {t}{way}, " if t else ""
    return f"{_known(state, 'text')!r}: {where}{_known(state, 'stage')}, unit {_known(state, 'unit')}"


def _gates(state: Mapping[str, Any]) -> str:
    what = "the text, coloured by it" if state.get("open") else f"sorted by {_known(state, 'sort')}"
    deviation = ", as deviation from the mean" if state.get("deviation") else ""
    return f"{_known(state, 'name')} of every unit{deviation}; unit {_known(state, 'unit')}; {what}"


def _flow(state: Mapping[str, Any]) -> str:
    return (
        f"gradients of {_known(state, 'gradient')}; untrained networks with forget bias {_known(state, 'forget_bias')}"
    )


def _surgery(state: Mapping[str, Any]) -> str:
    done = state.get("operations")
    operations = ", ".join(str(one)[:40] for one in done[:20]) if isinstance(done, list) and done else "none"
    return f"operations: {operations}; unit {_known(state, 'unit')}"


def _learn(state: Mapping[str, Any]) -> str:
    return f"exercise {state['exercise']}" if state.get("exercise") else "the map of the course"


def _experiments(state: Mapping[str, Any]) -> str:
    opened = state.get("experiment")
    return f"{_known(state, 'experiment')}: {_known(state, 'view')}" if opened else "the list of experiments"


def _handbook(state: Mapping[str, Any]) -> str:
    return f"topic {_known(state, 'topic')}"


def _known(state: Mapping[str, Any], name: str) -> str:
    return str(state.get(name, "?"))[:100]


#: Where one is on a screen, in words.
_PLACES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "step": _step,
    "gates": _gates,
    "flow": _flow,
    "surgery": _surgery,
    "learn": _learn,
    "experiments": _experiments,
    "handbook": _handbook,
}
