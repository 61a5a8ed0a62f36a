"""Lesson files: what is read, what a cut recording still shows, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lstm_ext.errors import DataError
from lstm_lab.lessons import log
from lstm_lab.lessons.log import Header, load_lesson

NET = {"run": 1, "step": 5, "checkpoint": base64.b64encode(b"weights").decode()}
TRAIN = {"run": 1, "status": "running", **dict.fromkeys(log.PROGRESS, 7), "val_loss": None}
STATE = {"screen": "train", "subject": "hamlet"}
EVENTS: list[list[Any]] = [
    [0.0, "net", NET],
    [0.0, "state", STATE],
    [1.0, "note", "Look at the loss."],
    [2.0, "train", TRAIN],
    [3.0, "do", {"id": "step.on", "name": "on", "key": "right", "screen": "step"}],
    [3.5, "state", {"screen": "step"}],
    [4.0, "net", {**NET, "step": 9}],
    [5.0, "note", ""],
    [6.0, "end", None],
]


def written(path: Path, events: list[list[Any]], *, tail: str = "", header: str | None = None) -> str:
    lines = [Header("A title", "0").line() if header is None else header, *map(json.dumps, events)]
    path.write_text("\n".join(lines) + "\n" + tail)
    return str(path)


def test_what_is_seen_is_what_came_last(tmp_path: Path) -> None:
    lesson = load_lesson(written(tmp_path / "a.jsonl", EVENTS))
    assert (lesson.header.title, lesson.seconds) == ("A title", 6.0)
    assert lesson.at(0.5) == log.Moment(STATE, NET, EVENTS[6][2], None, "", None)
    now = lesson.at(2.5)
    assert (now.note, now.train) == ("Look at the loss.", TRAIN)
    assert lesson.at(3.2).did == EVENTS[4][2]
    last = lesson.at(99.0)
    assert (last.state, last.net, last.ahead, last.note, last.did) == ({"screen": "step"}, EVENTS[6][2], None, "", None)
    assert last.train is None, "numbers from before the network"
    assert list(lesson.notes()) == [(1.0, "Look at the loss.")]


def test_a_line_that_was_cut_off_ends_the_lesson(tmp_path: Path) -> None:
    for tail in ('[7.0, "no', '[7.0, "note"', "[", '[7.0, "note", "\ud800'[:14]):
        assert load_lesson(written(tmp_path / "a.jsonl", EVENTS, tail=tail)).seconds == 6.0
    whole = Path(written(tmp_path / "a.jsonl", EVENTS)).read_bytes()
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(whole))
    assert load_lesson(str(packed)).seconds == 6.0
    packed.write_bytes(gzip.compress(whole, mtime=0)[:-12])
    assert load_lesson(str(packed)).header.title == "A title"


def test_what_a_later_version_adds_is_skipped(tmp_path: Path) -> None:
    events = [*EVENTS[:2], [0.5, "sound", {"file": "a.ogg"}], *EVENTS[2:]]
    assert load_lesson(written(tmp_path / "a.jsonl", events)).at(2.5).note == "Look at the loss."


@pytest.mark.parametrize(
    "event",
    [
        {},
        [1.0, "note"],
        [1.0, ["note"], ""],
        [-1.0, "note", ""],
        [float("nan"), "note", ""],
        [1e9, "note", ""],
        [True, "note", ""],
        ["1", "note", ""],
        [1.0, "note", 5],
        [1.0, "note", "x" * 600],
        [1.0, "state", []],
        [1.0, "state", {"subject": "no screen"}],
        [1.0, "state", {"screen": "s" * 600}],
        [1.0, "state", {"screen": "a", "deep": [[[[[[[[]]]]]]]]}],
        [1.0, "state", {"screen": "a", "long": "x" * 70_000}],
        [1.0, "do", {"id": "lab.quit"}],
        [1.0, "net", {**NET, "checkpoint": "no base64!"}],
        [1.0, "net", {**NET, "checkpoint": ["AAAA"]}],
        [1.0, "net", {**NET, "run": -1}],
        [1.0, "net", {**NET, "step": 10**400}],
        [1.0, "train", {**TRAIN, "status": "dancing"}],
        [1.0, "train", {**TRAIN, "loss": "low"}],
        [1.0, "train", {**TRAIN, "step": 1.5}],
        [1.0, "train", {**TRAIN, "lr": None}],
    ],
    ids=lambda event: json.dumps(event)[:40],
)
def test_hostile_events_are_refused_in_one_line(tmp_path: Path, event: Any) -> None:
    path = written(tmp_path / "a.jsonl", [*EVENTS[:2], event, [9.0, "end", None]])
    with pytest.raises(DataError) as refused:
        load_lesson(path)
    assert "line 4" in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "header",
    [
        *("", "{}", "[]", "null", "\x00\x01", '{"format": "lstm-lab lesson"}', "[" * 100_000),
        json.dumps({"format": log.FORMAT, "version": 1, "title": ["a"], "lab": ""}),
        json.dumps({"format": log.FORMAT, "version": 2, "title": "", "lab": ""}),
    ],
    ids=range(9),
)
def test_what_is_no_lesson_is_refused_in_one_line(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError) as refused:
        load_lesson(written(tmp_path / "a.jsonl", EVENTS, header=header))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


def test_a_lesson_that_shows_nothing_or_is_not_there(tmp_path: Path) -> None:
    for events in ([], EVENTS[:1], EVENTS[1:2]):
        with pytest.raises(DataError, match="shows nothing"):
            load_lesson(written(tmp_path / "a.jsonl", events))
    with pytest.raises(DataError, match="no lesson 'nothing'"):
        load_lesson("nothing")
    with pytest.raises(DataError, match="no such file"):
        load_lesson(str(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="is no file"):
        load_lesson(str(tmp_path))


def test_a_small_file_that_unpacks_to_more_than_a_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_BYTES", 1 << 20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(Header().line().encode() + b"\n" + b" \n" * (1 << 20)))
    with pytest.raises(DataError, match=r"larger than any lesson|line 2"):
        load_lesson(str(path))
    path.write_bytes(gzip.compress(Header().line().encode() + b"\n" + b"[" * (2 << 20)))
    with pytest.raises(DataError, match="larger than any lesson"):
        load_lesson(str(path))
