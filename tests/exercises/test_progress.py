"""Progress: what counts, and that nothing loses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from reports import failing, passing

from lstm_ext.errors import DataError
from lstm_lab.exercises import export
from lstm_lab.exercises.catalogue import Exercise
from lstm_lab.exercises.progress import LONGEST_PAUSE, Attempt, Measured, Progress


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(tmp_path: Path, clock: Clock) -> Progress:
    return Progress(tmp_path / "state" / "progress.json", clock)


def test_it_is_kept_in_the_state_folder(tmp_path: Path) -> None:
    progress = Progress()
    progress.start("clip_gradients")
    assert progress.path == tmp_path / "state" / "lstm-lab" / "progress.json"
    assert progress.path.stat().st_mode & 0o777 == 0o600


def test_what_happened_is_there_for_the_next_program(progress: Progress, clock: Clock) -> None:
    progress.start("a")
    progress.attempt(failing("a", "values", "by-value"), "one")
    clock.now += 60
    progress.hint("a", "values", 1)
    progress.hint("a", "values", 2)
    clock.now += 60
    progress.attempt(passing("a"), "two")
    progress.saw_solution("a")
    record = Progress(progress.path).record("a")
    assert (record.started, record.passed) == ("2027-01-15T08:00:00Z", "2027-01-15T08:02:00Z")
    assert record.attempts == (
        Attempt("2027-01-15T08:00:00Z", False, "values", "by-value", "one"),
        Attempt("2027-01-15T08:02:00Z", True, content="two"),
    )
    assert (record.hints, record.seconds) == ({"values": 2}, 120.0)
    assert record.solution_seen and not record.gave_up
    assert progress.notices == []


def test_what_was_passed_stays_passed(progress: Progress, clock: Clock) -> None:
    progress.attempt(passing("a"))
    when = progress.record("a").passed
    clock.now += 100
    progress.attempt(failing("a"))
    clock.now += 100
    progress.attempt(passing("a"))
    record = progress.record("a")
    assert (record.passed, len(record.attempts)) == (when, 3)


def test_time_is_work_until_it_passes(progress: Progress, clock: Clock) -> None:
    def after(seconds: float) -> None:
        clock.now += seconds

    progress.start("a")
    after(100)
    progress.attempt(failing("a"))  # 100
    after(9 * 3600)
    progress.attempt(failing("a"))  # a night: only the longest pause
    after(50)
    progress.start("b")  # nobody knows what these 50 were for
    after(30)
    progress.attempt(failing("b"))  # 30 for b
    after(20)
    progress.hint("a", "values", 1)  # 20 for a: the time is not counted twice
    after(-500)
    progress.attempt(failing("a"))  # the clock was set back
    after(7)
    progress.attempt(passing("a"))  # 7
    after(70)
    progress.attempt(failing("a"))  # it has passed
    assert progress.record("a").seconds == 100 + LONGEST_PAUSE + 20 + 7
    assert progress.record("b").seconds == 30


def test_the_same_file_with_the_same_result_is_one_attempt(progress: Progress) -> None:
    for content, code in (("one", "x"), ("one", "x"), ("one", "y"), ("two", "y"), ("one", "x")):
        progress.attempt(failing("a", code=code), content)
    assert [(attempt.content, attempt.code) for attempt in progress.record("a").attempts] == [
        ("one", "x"),
        ("one", "y"),
        ("two", "y"),
        ("one", "x"),
    ]


def test_a_failure_of_the_grader_is_no_attempt(progress: Progress) -> None:
    assert progress.attempt(failing("a", grader_failed=True, measured={"n": 1.0})) == {}
    assert progress.record("a").attempts == ()


def test_a_guess_counts_only_if_it_stood_there_before_the_number_was_shown(progress: Progress) -> None:
    # No guess yet: the number is not shown.
    assert progress.attempt(failing("a", measured={"n": 0.31})) == {}
    assert progress.attempt(failing("a", measured={"n": 0.31}, guessed={"n": 0.8})) == {"n": Measured(0.31, 0.8)}
    # A better guess afterwards is none.
    assert progress.attempt(passing("a", measured={"n": 0.33}, guessed={"n": 0.31})) == {"n": Measured(0.31, 0.8)}
    assert progress.attempt(passing("b", measured={"n": 2.0}), reveal=True) == {"n": Measured(2.0, None)}
    assert progress.attempt(passing("b", measured={"n": 2.0}, guessed={"n": 2.0})) == {"n": Measured(2.0, None)}
    assert progress.record("b").predictions == {"n": Measured(2.0, None)}


def test_what_another_version_wrote_is_kept(progress: Progress) -> None:
    progress.path.parent.mkdir()
    later = {
        "format": "lstm-lab progress 1",
        "exercises": {
            "a": {
                "started": "2026-01-01T00:00:00Z",
                "mood": "good",
                "attempts": [{"at": "x", "passed": False, "new": 1}],
            },
            "from-the-future": {"passed": "2026-01-02T00:00:00Z"},
        },
        "theme": "dark",
    }
    progress.path.write_text(json.dumps(later))
    progress.attempt(passing("a"))
    state = json.loads(progress.path.read_text())
    assert (state["theme"], state["exercises"]["a"]["mood"]) == ("dark", "good")
    assert state["exercises"]["a"]["attempts"][0]["new"] == 1
    assert state["exercises"]["from-the-future"] == {"passed": "2026-01-02T00:00:00Z"}
    assert progress.record("a").started == "2026-01-01T00:00:00Z"
    assert progress.notices == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe{}", b"[]", b'{"exercises": []}', b"null", b"[" * 100_000, b'{"exercises": {}}\0']
)
def test_a_damaged_file_is_kept_aside_with_a_word(content: bytes, progress: Progress) -> None:
    progress.path.parent.mkdir()
    progress.path.write_bytes(content)
    progress.start("a")
    assert progress.record("a").started
    kept = progress.path.with_name("progress.old-1.json")
    assert kept.read_bytes() == content
    (notice,) = progress.notices
    assert notice == (
        f"{progress.path} is damaged: nothing in it can be read, so progress begins anew; "
        "the file is kept as progress.old-1.json"
    )


@pytest.mark.parametrize(
    "record",
    [
        "yes",
        None,
        [],
        {"passed": True},
        {"seconds": "long"},
        {"attempts": {}},
        {"attempts": [5]},
        {"attempts": [{"passed": True}]},
        {"hints": {"values": "all"}},
        {"predictions": {"n": 3}},
        {"predictions": {"n": {"guess": 3}}},
    ],
)
def test_a_record_that_makes_no_sense_does_not_spoil_the_others(record: object, progress: Progress) -> None:
    progress.path.parent.mkdir()
    good = {"passed": "2026-01-02T00:00:00Z"}
    progress.path.write_text(json.dumps({"exercises": {"good": good, "bad": record}}))
    assert set(progress.records()) == {"good"}
    assert progress.record("good").passed
    assert json.loads(progress.path.with_name("progress.old-1.json").read_text())["exercises"]["bad"] == record
    (notice,) = progress.notices
    assert "what it says about bad makes no sense and is left out" in notice
    progress.attempt(failing("bad"))
    assert len(progress.record("bad").attempts) == 1


def test_a_crash_while_writing_loses_nothing(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    progress.attempt(passing("a"))

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        progress.attempt(failing("a"))
    assert progress.notices == [f"progress is not kept: {progress.path}: No space left on device"]
    assert len(progress.record("a").attempts) == 1
    assert sorted(path.name for path in progress.path.parent.iterdir()) == ["progress.json"]


def test_where_nothing_can_be_kept_the_learner_may_still_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    progress = Progress(tmp_path / "file" / "progress.json")
    progress.start("a")
    assert progress.attempt(passing("a", measured={"n": 1.0}, guessed={"n": 2.0})) == {"n": Measured(1.0, 2.0)}
    assert progress.notices == [f"progress is not kept: {progress.path}: File exists"]  # said once


def test_the_folder_is_remembered_as_an_absolute_path(
    progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert progress.folder is None
    monkeypatch.chdir(tmp_path)
    progress.remember_folder(Path("mine"))
    monkeypatch.chdir("/")
    assert progress.folder == tmp_path / "mine"


WRITER = """
import sys
from pathlib import Path
from lstm_lab.exercises.grading.report import Report, RungResult
from lstm_lab.exercises.progress import Progress
progress = Progress(Path(sys.argv[1]))
for number in range(20):
    progress.attempt(Report("a", number, (RungResult("runs", "passed"),)), f"{sys.argv[2]} {number}")
print(progress.notices)
"""


@pytest.mark.slow
def test_two_labs_at_once_lose_nothing_of_each_other(progress: Progress) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(progress.path), name], stdout=subprocess.PIPE, text=True)
        for name in ("x", "y")
    ]
    assert [writer.communicate()[0] for writer in writers] == ["[]\n", "[]\n"]
    contents = [attempt.content for attempt in progress.record("a").attempts]
    assert sorted(contents) == sorted(f"{name} {number}" for name in "xy" for number in range(20))


def test_the_export_says_what_was_done_and_notices_every_change(
    progress: Progress, three: tuple[Exercise, ...]
) -> None:
    progress.start("cell_forward")
    progress.attempt(failing("cell_forward"))
    progress.attempt(passing("cell_forward", measured={"n": float("nan")}), reveal=True)
    progress.attempt(failing("of-another-version"))
    content = export.as_json(progress.records())
    assert (content["passed"], content["of"]) == (1, 3)
    assert [entry["id"] for entry in content["exercises"]] == [
        "cell_forward",
        "cell_backward",
        "training",
        "of-another-version",
    ]
    assert len(content["exercises"][0]["attempts"]) == 2
    text = json.dumps(content, indent=3)  # white space does not matter
    assert export.verify(text)["passed"] == 1
    for wrong in (text.replace('"passed": 1', '"passed": 2'), text[:-9], "{}", "[1]", text.replace("values", "value")):
        with pytest.raises(DataError):
            export.verify(wrong)


def test_the_table_has_a_row_for_each_exercise(progress: Progress, clock: Clock, three: tuple[Exercise, ...]) -> None:
    progress.start("cell_forward")
    clock.now += 300
    progress.attempt(passing("cell_forward"))
    head, first, *others = export.as_csv(progress.records()).splitlines()
    assert head == "id,title,started,passed,attempts,hints,minutes,gave_up,solution_seen"
    assert first.startswith(
        "cell_forward,Clip gradients by their global norm,2027-01-15T08:00:00Z,2027-01-15T08:05:00Z,1,0,5,,"
    )
    assert len(others) == 2
