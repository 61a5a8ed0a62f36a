"""The course as a learner meets it: what is open, what a check leads to, hints one by one, the solution's lock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reports import failing, passing

from lstm_ext.errors import DataError, StateError
from lstm_lab.exercises.catalogue import Exercise, exercises
from lstm_lab.exercises.course import Course, hints
from lstm_lab.exercises.grading.report import Report

Three = tuple[Exercise, ...]
Say = Callable[[Report], None]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.chdir(tmp_path)
    return Course()


def test_what_is_open_and_what_comes_next(course: Course, three: Three, checks_say: Say) -> None:
    forward, backward, training = three
    assert course.standings() == {"cell_forward": "open", "cell_backward": "later", "training": "later"}
    assert course.next() == forward
    file, _ = course.start(backward)  # a learner may begin anywhere
    assert course.standings()["cell_backward"] == "started"
    assert course.next() == backward
    checks_say(passing("cell_backward"))
    assert course.check(backward, file).opened == ()  # training also needs the first
    checks_say(passing("cell_forward"))
    checked = course.check(forward, course.start(forward)[0])
    assert (checked.first_pass, checked.opened) == (True, (training,))
    assert course.next() == training
    again = course.check(forward, file)
    assert (again.first_pass, again.opened) == (False, ())
    checks_say(failing("cell_forward"))
    assert course.check(forward, file).report.passed is False
    assert course.standings()["cell_forward"] == "passed"
    course.check(training, file)
    checks_say(passing("training"))
    course.check(training, file)
    assert course.next() is None


def test_the_folder_is_remembered(
    course: Course, three: Three, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert course.start(three[0])[0].parent == tmp_path / "lstm-exercises"
    monkeypatch.chdir(tmp_path / "lstm-exercises")
    assert Course().workspace.folder == tmp_path / "lstm-exercises"
    assert Course(folder=Path("other")).workspace.folder == Path("other")
    monkeypatch.chdir("/")
    assert Course().workspace.folder == tmp_path / "lstm-exercises" / "other"


def test_a_file_that_is_nowhere(course: Course, three: Three) -> None:
    with pytest.raises(
        StateError, match=r"cell_forward: no file for it in .*lstm-exercises; `lstm-lab learn start cell"
    ):
        course.file(three[0])


def test_hints_come_one_by_one_and_for_each_rung(course: Course, three: Three) -> None:
    told = [course.hint(three[0], "values") for _ in range(4)]
    assert [hint and hint.level for hint in told] == [1, 2, 3, 3]
    assert [hint and hint.text for hint in told[:3]] == list(three[0].hints["values"])
    other = course.hint(three[0], "shape")
    assert other and (other.level, other.levels) == (1, 3)
    assert course.hint(three[0], "runs") is None
    assert course.progress.record("cell_forward").hints == {"values": 3, "shape": 1}


def test_questions_have_their_own_hints() -> None:
    unrolling = exercises()["unrolling"]
    assert len(hints(unrolling, "arrows")) == 3
    assert hints(unrolling, "no such question") == ()


def test_the_broken_rung_is_that_of_the_file_as_it_is(course: Course, three: Three, checks_say: Say) -> None:
    file, _ = course.start(three[0])
    assert course.broken_rung(three[0], file) is None  # not checked yet
    checks_say(failing("cell_forward", "shape"))
    course.check(three[0], file)
    assert course.broken_rung(three[0], file) == "shape"
    file.write_text("# changed\n")
    assert course.broken_rung(three[0], file) is None
    checks_say(passing("cell_forward"))
    course.check(three[0], file)
    assert course.broken_rung(three[0], file) is None


@pytest.mark.parametrize("how", ["passing", "giving up"])
def test_the_solution_opens(how: str, course: Course, three: Three, checks_say: Say) -> None:
    with pytest.raises(StateError, match="the solution opens when you pass, or with"):
        course.solution(three[0])
    assert course.progress.record("cell_forward").solution_seen == ""
    if how == "passing":
        checks_say(passing("cell_forward"))
        course.check(three[0], course.start(three[0])[0])
    else:
        course.progress.give_up("cell_forward")
    assert course.solution(three[0]) == "h = 'cell_forward'\n"
    record = course.progress.record("cell_forward")
    assert record.solution_seen and bool(record.gave_up) == (how == "giving up")


def test_the_solution_of_questions_is_their_answers_and_why(course: Course) -> None:
    course.progress.give_up("unrolling")
    text = course.solution(exercises()["unrolling"])
    assert "  a) x_t to h_t\n  b) h_{t-1} to h_t\n  d) h_t to y_t\n" in text
    assert "c) x_t to x_{t+1}" not in text
    assert "an_example: The same number for T = 20, H = 32, D = 10.\n  26880" in text


def test_answers_are_written_into_the_sheet(course: Course) -> None:
    gates = exercises()["gate_roles"]
    file = course.answer(gates, "stuck_i", "a")  # starts it
    assert course.given(gates) == {"stuck_i": "a"} and not course.untouched(gates, file)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    course.answer(gates, "new_cell", "0.7")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf# lstm-lab exercise: gate_roles\n")
    assert course.given(gates) == {"stuck_i": "a", "new_cell": "0.7"}
    report = course.check(gates, file).report
    assert [rung.name for rung in report.rungs if rung.status == "passed"] == ["new_cell", "stuck_i"]


@pytest.mark.parametrize(
    "content", [b"new_cell = (\n", b"new_cell = '\xff'\n", b"a = 1\0\n", b"(" * 9000, b"-" * 99999 + b"1"]
)
def test_a_sheet_that_cannot_be_read_is_left_alone(course: Course, content: bytes) -> None:
    gates = exercises()["gate_roles"]
    file, _ = course.start(gates)
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as Python, so nothing was written; edit the file$"):
        course.answer(gates, "new_cell", "0.7")
    assert file.read_bytes() == content and course.given(gates) == {}
    file.unlink()
    assert course.answer(gates, "new_cell", "0.7") == file
