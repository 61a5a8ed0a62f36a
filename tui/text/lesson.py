"""A recorded lesson as plain text: what its author says, and what is shown meanwhile."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ..lessons.log import Lesson
from .units import clock, number

#: What a state says in words already, or only to a screen.
_UNSAID = ("screen", "subject", "sample", "index", "frozen")


def lesson_lines(lesson: Lesson, width: int) -> Iterator[str]:
    """The title, and for each caption the time, the text, and what is seen at its end."""
    yield f"{lesson.header.title or 'A recorded lesson'} ({clock(lesson.seconds)})"
    yield ""
    notes = list(zip(lesson.tracks["note"].times, lesson.tracks["note"].values, strict=True))
    ends = [time for time, _ in notes[1:]] + [lesson.seconds]
    for (time, note), end in zip(notes, ends, strict=True):
        if note:
            lines = textwrap.wrap(note, max(20, width - 7)) or [""]
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
    details = ", ".join(
        f"{name.replace('_', ' ')} {_value(value)}" for name, value in state.items() if _said(name, value)
    )
    if details:
        yield details
    if state.get("screen") == "train" and moment.train is not None:
        yield training_line(moment.train)
    match state.get("sample"):
        case [_, _, _, str(text)] if state.get("screen") == "train":
            yield f"the network writes: {' '.join(text.split())[:200]}"


def training_line(train: Mapping[str, Any]) -> str:
    """A snapshot of a run."""
    validation = "" if train["val_loss"] is None else f", validation {number(train['val_loss'])}"
    return f"{train['status']}, step {train['step']:,}, loss {number(train['smoothed'])}{validation}"


def _said(name: str, value: object) -> bool:
    plain = isinstance(value, str | int | float) and value is not False and value != ""
    return plain and name not in _UNSAID


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "yes" if value is True else str(value)[:100]
