"""Answer sheets: what they look like, how they are read, and what wrong answers are told."""

from __future__ import annotations

import pytest

from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.grading.report import Report, RungResult
from lstm_lab.exercises.questions.grade import grade_sheet
from lstm_lab.exercises.questions.sheet import read_sheet, with_answer, write_sheet


def _graded(exercise: str, sheet: str) -> Report:
    return grade_sheet(exercises()[exercise], sheet)


def _rung(report: Report, name: str) -> RungResult:
    return next(rung for rung in report.rungs if rung.name == name)


def _told(exercise: str, name: str, answer: str) -> str:
    rung = _rung(_graded(exercise, f"{name} = {answer}"), name)
    assert rung.finding is not None
    return f"{rung.status}: {rung.finding.message}"


def test_the_empty_sheet_is_open_everywhere() -> None:
    exercise = exercises()["bptt_derivation"]
    report = grade_sheet(exercise, write_sheet(exercise))
    assert [rung.status for rung in report.rungs] == ["open"] * 6
    assert not report.passed
    assert report.broken is not None
    assert report.broken.name == "factors"


def test_a_sheet_is_read_and_not_run() -> None:
    read = read_sheet("import os\nos.abort()\nterms = 'T'\nboom = 1/0\n")
    assert read["terms"].text == "T"
    assert read["terms"].line == 3


SHEET = """# ü: where columns in bytes and in characters differ
a = ...; b = "é"  # after it
c = (
    1 +
    2
)
b = ...
d = ["x"]"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a", "b", "c", "d", "new"])
@pytest.mark.parametrize(
    "answer",
    [
        "b",
        "3/4",
        "g*(1-h²)",
        "quoted \"so\" and 'so'",
        '"""',
        "\\n \\",
        "",
        'of\nthree \\\n""" lines',
        "nul\0, esc\x1b",
    ],
)
def test_an_answer_is_written_in_its_place(newline: str, name: str, answer: str) -> None:
    sheet = SHEET.replace("\n", newline)
    before, after = read_sheet(sheet), read_sheet(with_answer(sheet, name, answer))
    assert after[name].text == (answer or None)
    others = before.keys() - {name}
    assert {other: after[other].text for other in others} == {other: before[other].text for other in others}


def test_the_rest_of_a_sheet_stays_as_it_is() -> None:
    assert with_answer(SHEET, "a", "x") == SHEET.replace("a = ...", 'a = "x"')
    assert with_answer(SHEET, "b", "x") == SHEET.replace("b = ...", 'b = "x"')  # the last one counts
    assert with_answer(SHEET, "d", [True, False]) == SHEET.replace('["x"]', "[True, False]")
    assert with_answer(SHEET, "e", "x") == SHEET + '\ne = "x"\n'
    with pytest.raises(SyntaxError):
        with_answer("a = (", "a", "x")


@pytest.mark.parametrize(
    ("exercise", "name", "answer", "told"),
    [
        ("bptt_derivation", "immediate", '"g*(1-h*h)"', "passed"),
        ("bptt_derivation", "immediate", "g*(1 - h**2)", "passed"),  # without quotes
        ("bptt_derivation", "immediate", '"(1-h²)·h"', "failed: (1-h²)·h is not right. The weight multiplies the old"),
        ("bptt_derivation", "immediate", '"2*g*(1-h**2)"', "failed: Nearly: it is 2 times the right one."),
        ("bptt_derivation", "immediate", '"-g*(1-h**2)"', "failed: Nearly: the sign is the other way round."),
        ("bptt_derivation", "immediate", '"1-h**2+h"', "failed: The right formula also depends on g."),
        ("bptt_derivation", "immediate", '"dh"', "failed: dh is unknown; the formula may use h, g."),
        ("bptt_derivation", "factors", '"c, b, a"', "passed"),
        ("bptt_derivation", "factors", '"bca"', "failed: The first 0 are right; number 1 is not b."),
        ("bptt_derivation", "factors", '"cc"', "failed: Every letter is needed once: a, b, c."),
        ("bptt_derivation", "backward_step", '"W_hhᵀ · dh_t"', "failed: Not d. The slope of tanh is missing."),
        ("bptt_derivation", "backward_step", '"e"', "failed: Write one of a, b, c, d, not 'e'."),
        ("bptt_derivation", "why_it_vanishes", '["a", "b"]', "failed: a and b fit; something else fits too."),
        ("bptt_derivation", "why_it_vanishes", '"abce"', "failed: Not c. The sum has T terms"),
        ("unrolling", "an_example", "20*32*42", "passed"),
        ("unrolling", "an_example", "2688", "failed: The digits are right, the power of ten is not."),
        ("unrolling", "an_example", '"many"', "failed: Write a number, such as 1250 or 3/4, without commas or units."),
        ("unrolling", "an_example", '"26,880"', "failed: Write a number"),
        ("unrolling", "an_example", '"26 880"', "failed: Write a number"),
        ("unrolling", "an_example", '"2.7e4"', "failed: 2.7e4 is rounded; write at least four digits."),
        ("unrolling", "multiplications", '"TH(H+D)"', "passed"),
        ("bptt_derivation", "jacobian_product", "0.150", "failed: 0.15 is rounded; write at least four digits."),
        ("bptt_derivation", "why_it_vanishes", '"a, b and d"', "passed"),
        ("forget_bias", "guess_one", "90", "failed: Write a number from 0 to 1."),
        ("forget_bias", "guess_one", '"90%"', "failed: Write a number from 0 to 1."),
        ("forget_bias", "bias_for_a_half", '"-ln(2^(1/T) - 1)"', "passed"),
        ("unrolling", "an_example", "26881", "passed"),  # within a thousandth
        ("unrolling", "an_example", "30000", "failed: 30000 is not right: it is too large."),
        ("cell_information", "in_your_words", '"a summary"', "open: Write a few sentences"),
    ],
)
def test_what_an_answer_is_told(exercise: str, name: str, answer: str, told: str) -> None:
    assert _told(exercise, name, answer).startswith(told)


def test_a_misspelt_name_is_pointed_out() -> None:
    assert _told_open("bptt_derivation", "term = 'T'", "terms") == "terms is not in the sheet; there is term."


def _told_open(exercise: str, sheet: str, name: str) -> str:
    finding = _rung(_graded(exercise, sheet), name).finding
    assert finding is not None
    return finding.message


def test_an_essay_is_judged_by_its_author_along_the_points() -> None:
    words = "The state is a summary of the past that keeps what helps to predict the future, within limits of size."
    first = _rung(_graded("cell_information", f"in_your_words = {words!r}"), "in_your_words")
    assert first.status == "open"
    assert first.finding is not None
    assert first.finding.cause.startswith("1. It is a summary of the past, of fixed size.")
    marks = "in_your_words_points = [True, True, False, False, True]"
    judged = _rung(_graded("cell_information", f"in_your_words = {words!r}\n{marks}"), "in_your_words")
    assert judged.status == "self-assessed"
    assert judged.finding is not None
    assert judged.finding.message == "3 of 5 points."


def test_a_guess_is_kept_beside_what_the_lab_measures() -> None:
    report = _graded("why_vanishing", "guess_shared = -2\nguess_separate = -20")
    assert report.guessed == {"guess_shared": -2, "guess_separate": -20}
    assert -6 < report.measured["guess_shared"] < -3
    assert -6 < report.measured["guess_separate"] < -3
