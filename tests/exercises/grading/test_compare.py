"""Comparing recordings: errors of any size, and findings that fit the rung."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_lab.exercises.grading.compare import agree, error_of, shape_finding, value_finding
from lstm_lab.exercises.grading.inline import InlineRunner
from lstm_lab.exercises.grading.ladder import Ladder
from lstm_lab.exercises.grading.mutants import Mutant
from lstm_lab.exercises.grading.recording import Crash, Recording, observe
from lstm_lab.exercises.grading.rungs import Rung
from lstm_lab.exercises.grading.student import Student


def _recording(**values: object) -> Recording:
    return Recording({name: observe(value, "f()") for name, value in values.items()})


@pytest.mark.parametrize(
    ("got", "wanted", "error"),
    [
        ([3.0, 4.0], [3.0, 4.0], 0.0),
        ([3.0, 5.0], [3.0, 4.0], 0.2),
        ([1e-3], [0.0], 1e-3),
        ([1.0], [1.0, 1.0], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([np.inf], [-np.inf], np.inf),
        ([1e308, 1e308], [1e308, 1e308], 0.0),
        ([1e308], [-1e308], 2.0),
        ([1e308], [1e-300], 1e308),
        (1 + 1j, 1 + 0j, 1.0),
        ([], [], 0.0),
        ("abc", "abc", 0.0),
        ("abc", "abd", np.inf),
        (None, [1.0], np.inf),
    ],
)
def test_errors(got: object, wanted: object, error: float) -> None:
    with np.errstate(all="raise", under="ignore", over="ignore"):
        assert error_of(observe(got, ""), observe(wanted, "")) == pytest.approx(error)


def test_single_precision_is_a_matter_of_dtype_and_not_of_size() -> None:
    finding = shape_finding(_recording(h=np.ones(2, np.float32)), _recording(h=np.ones(2)))
    assert finding is not None and finding.message == "h has dtype float32, wanted is float64."
    assert shape_finding(_recording(h=np.ones(2)), _recording(h=np.ones(2, np.float32))) is None
    assert shape_finding(_recording(n=3.0), _recording(n=3)) is None


def test_the_worst_entry_is_shown() -> None:
    finding = value_finding(_recording(h=[1.0, 2.0, np.nan]), _recording(h=[1.0, 9.0, 3.0]), 1e-6)
    assert finding is not None
    assert (finding.got, finding.wanted) == ("h[2] = nan", "h[2] = 3")


def test_two_crashes_agree_only_with_the_same_text() -> None:
    first, second = _recording(h=1.0), _recording(h=1.0)
    first.crash, second.crash = Crash("raised", "NameError: a", 3), Crash("raised", "ValueError: b", 4)
    assert not agree(first, second, 1e-8)
    second.crash = Crash("raised", "NameError: a", 9)
    assert agree(first, second, 1e-8)


SOLUTION = "import numpy as np\ndef f(x):\n    return x * 1.0\ndef g(x):\n    return x + 1.0\n"


def _f(student: Student) -> None:
    student.see("f", student.call(student.module.f, student.normal(3)))


def _g(student: Student) -> None:
    student.see("g", student.call(student.module.g, student.normal(3)))


def test_a_mistake_that_does_not_show_at_a_rung_explains_nothing_there() -> None:
    mutants = [Mutant("two", "g", (("x + 1.0", "x + 2.0"),), "You add two.", "Add one.")]
    ladder = Ladder(["f(x)", "g(x)"], [Rung("f", _f, "purity"), Rung("g", _g)], SOLUTION, mutants)

    def code(source: str) -> str:
        broken = ladder.climb("e", InlineRunner(source, [_f, _g]), 3).broken
        assert broken is not None and broken.finding is not None
        return broken.finding.code

    # The values of f are right, as they are with the mistake in g.
    assert code(SOLUTION.replace("x * 1.0", "x")) == "aliased"
    assert code(SOLUTION.replace("x + 1.0", "2.0 + x")) == "two"


def test_where_only_forms_are_compared_a_mistake_of_a_rung_that_holds_explains_nothing() -> None:
    mutants = [Mutant("matrix", "f", (("x * 1.0", "np.outer(x, x)"), ("x + 1.0", "np.outer(x, x)")), "A matrix.", "")]
    ladder = Ladder(["f(x)", "g(x)"], [Rung("f", _f, "shape"), Rung("g", _g, "shape")], SOLUTION, mutants)

    def code(source: str) -> str:
        broken = ladder.climb("e", InlineRunner(source, [_f, _g]), 3).broken
        assert broken is not None and broken.finding is not None
        return broken.finding.code

    assert code(SOLUTION.replace("x + 1.0", "np.outer(x, x)")) == "shape"
    assert code(SOLUTION.replace("x * 1.0", "np.outer(x, x)").replace("x + 1.0", "np.outer(x, x)")) == "matrix"
