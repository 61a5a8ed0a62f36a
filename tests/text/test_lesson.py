"""Lessons as plain text."""

from __future__ import annotations

from typing import Any

from lstm_lab.lessons.log import Header, Lesson
from lstm_lab.text.lesson import lesson_lines

NET = {"run": 1, "step": 5, "checkpoint": ""}
TRAIN: dict[str, Any] = {"screen": "train", "subject": "hamlet · LSTM 8", "sample": [7, 2.5, 0.8, "\nTo be\nor not"]}
STEP: dict[str, Any] = {"screen": "step", "subject": "", "text": "hello", "t": 2, "stage": "f", "phase": "forward"}
STEP["unit"] = 0
EVENTS: list[tuple[float, str, Any]] = [
    (0.0, "net", NET),
    (0.0, "state", TRAIN),
    (1.0, "train", {"run": 1, "status": "running", "step": 1234, "smoothed": 2.5, "val_loss": None}),
    (61.0, "state", STEP),
    (70.0, "end", None),
]


def test_captions_stand_before_what_is_seen_at_their_end() -> None:
    notes: list[tuple[float, str, Any]] = [(2.0, "note", "It learns."), (62.0, "note", "One gate."), (65.0, "note", "")]
    events = sorted([*EVENTS, *notes], key=lambda event: event[0])
    assert list(lesson_lines(Lesson(Header("A title"), events), 60)) == [
        "A title (1:10)",
        "",
        " 0:02  It learns.",
        "       | Step",
        "       | 'hello': character 2, f, unit 0",
        " 1:02  One gate.",
        "       | Step",
        "       | 'hello': character 2, f, unit 0",
        " 1:10  The end.",
    ]


def test_without_captions_the_screens_are_told() -> None:
    assert list(lesson_lines(Lesson(Header(), EVENTS), 60)) == [
        "A recorded lesson (1:10)",
        "",
        " 0:00  The Train screen.",
        "       | Train · hamlet · LSTM 8",
        "       | running, step 1,234, loss 2.500",
        "       | the network writes: To be or not",
        " 1:01  The Step screen.",
        "       | Step",
        "       | 'hello': character 2, f, unit 0",
        " 1:10  The end.",
    ]
