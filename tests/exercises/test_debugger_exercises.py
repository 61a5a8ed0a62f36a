"""The debugger on the course's exercises: no difference in what is right, and every mistake that one walk can show."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from lstm_lab.exercises.catalogue import read_exercise
from lstm_lab.exercises.debugger.compare import compare
from lstm_lab.exercises.grading.mutants import Mutant

EXERCISES = ("bptt", "rnn_cell", "peephole", "lstm_vs_gru")
#: Where the first wrong number is, for the text "hello"; its line is among those that the mutant changes.
FOUND = {
    "bptt": {
        "no-recurrence": ("a", 2),
        "old-state-out": ("y", 1),
        "output-bias-missing": ("y", 1),
        "tanh-output": ("y", 1),
        "dh-next-dropped": ("dh", 3),
        "dh-next-overwrites": ("dh", 3),
        "assigned-weights": ("dW_h", 3),
        "assigned-output": ("dW_y", 3),
        "mean-over-time": ("dW_y", 1),
        "new-state-in-dW": ("dW_h", 4),
        "slope-missing": ("da", 4),
        "slope-of-sum": ("da", 4),
        "slope-twice": ("da", 4),
        "slope-of-old": ("da", 4),
        "not-transposed": ("dh_prev", 4),
        "dh-for-da": ("dh_prev", 4),
        "dx-without-slope": ("dx", 4),
        "bias-of-dh": ("db_h", 4),
        "old-state-in-dWhy": ("dW_y", 4),
        "wrong-input": ("dW_h", 3),
        "forward-in-time": ("dh", 4),
        "no-dh0": ("dh_prev", 1),
        "assigned-dW_hh": ("dW_h", 3),
        "assigned-dW_xh": ("dW_h", 3),
        "assigned-db": ("db_h", 3),
        "assigned-dW_hy": ("dW_y", 3),
        "slope-without-brackets": ("da", 4),
        "start-ignored": ("a", 1),
    },
    "rnn_cell": {
        "bias-missing": ("a", 1),
        "bias-outside": ("a", 1),
        "sigmoid": ("h", 1),
        "no-tanh": ("h", 1),
        "relu": ("h", 1),
        "tanh-of-each": ("a", 1),
        "transposed": ("a", 1),
        "state-ignored": ("a", 1),
        "input-ignored": ("a", 1),
        "unweighted-state": ("a", 1),
        "entry-by-entry": ("a", 1),
    },
    "peephole": {
        "cell-state-in-place": ("df", 4),
        "no-peepholes": ("a_f", 1),
        "output-gate-sees-old-memory": ("a_o", 1),
        "output-gate-blind": ("a_o", 1),
        "candidate-looks-too": ("g", 1),
        "squashed-look": ("a_f", 1),
        "dot-product": ("a_f", 1),
        "looks-at-h": ("a_f", 1),
        "peepholes-swapped": ("a_f", 1),
        "added-after-the-sigmoid": ("a_f", 1),
        "output-peephole-sends-nothing-back": ("dc", 4),
        "output-peephole-too-late": ("dc", 4),
        "output-peephole-to-old-memory": ("dc", 4),
        "forget-peephole-sends-nothing-back": ("dc_prev", 4),
        "input-peephole-sends-nothing-back": ("dc_prev", 4),
        "back-through-peepholes-missing": ("dc", 4),
        "peepholes-exchanged-on-the-way-back": ("dc_prev", 4),
        "output-peephole-gradient-of-old-memory": ("dp_o", 4),
        "peephole-gradients-of-new-memory": ("dp_f", 4),
        "peephole-gradients-without-slope": ("dp_f", 4),
        "dpf-without-slope": ("dp_f", 4),
        "dpi-without-slope": ("dp_i", 4),
        "dpo-without-slope": ("dp_o", 4),
        "one-cache-for-all-steps": ("do", 3),
    },
    "lstm_vs_gru": {
        "state-in-place": ("dz", 4),
        "x-before-h": ("a_r", 1),
        "gates-swapped": ("r", 1),
        "no-biases": ("a_r", 1),
        "reset-after-the-product": ("a_n", 1),
        "no-reset": ("s", 1),
        "reset-by-z": ("s", 1),
        "sigmoid-candidate": ("n", 1),
        "update-gate-reversed": ("h", 1),
        "nothing-forgotten": ("h", 1),
        "old-state-dropped": ("h", 1),
        "mixed-with-r": ("h", 1),
        "candidate-weights-see-h": ("dW_n", 4),
        "direct-path-missing": ("dh_prev", 4),
        "candidate-path-missing": ("dh_prev", 4),
        "candidate-path-without-r": ("dh_prev", 4),
        "gate-path-missing": ("dh_prev", 4),
        "x-only-through-gates": ("dx", 4),
        "reset-gradient-dropped": ("dr", 4),
        "reset-gradient-by-r": ("dr", 4),
        "update-gradient-sign": ("dz", 4),
        "update-gradient-half": ("dz", 4),
        "candidate-without-z": ("dn", 4),
        "no-candidate-slope": ("da_n", 4),
        "no-update-slope": ("da_z", 4),
        "no-reset-slope": ("da_r", 4),
        "one-cache-for-all-steps": ("dz", 3),
    },
}
#: What is wrong is computed at another line than the mistake: from an array that was made or overwritten before, in
#: a loop whose head is wrong, or as a part of a larger array before it gets a name.
ELSEWHERE = {
    "state-in-place",
    "cell-state-in-place",
    "one-cache-for-all-steps",
    "forward-in-time",
    "x-only-through-gates",
    "start-ignored",
    "x-before-h",
}
#: Found, and then the file cannot be followed further.
STOPPED = {"entry-by-entry"}
START = "weights at the start, which the debugger replaces"
AGAIN = "shows in a second call"
CALLER = "only changes an array of the caller, after it was read"
SHAPE = "an array has another shape, which is not compared"
LARGE = "needs large numbers"
OTHER = "not in the cell"
#: Mistakes that one walk on given weights does not show, and why.
INVISIBLE = {
    "bptt": {"state-carried": AGAIN, "accumulates": AGAIN, "clipped": LARGE, "douts-changed": CALLER},
    "rnn_cell": {
        **dict.fromkeys(("zero-weights", "equal-units", "large-weights"), START),
        **dict.fromkeys(("input-matrix-transposed", "column-bias"), SHAPE),
        **dict.fromkeys(("in-place", "kept-buffer"), CALLER),
        "own-state": AGAIN,
        "overflow": LARGE,
    },
    "peephole": {
        **dict.fromkeys(("dense-gradient", "summed-peephole-gradient"), SHAPE),
        "dc-in-place": CALLER,
        "dense-and-diagonal": OTHER,
        **dict.fromkeys(("four-peepholes", "dense-counted-as-one", "dense-before-diagonal", "dense-candidate"), OTHER),
    },
    "lstm_vs_gru": {
        "transposed-outer-product": SHAPE,
        "dh-in-place": CALLER,
        **dict.fromkeys(("pytorch-unchanged", "pytorch-one-minus-weights", "pytorch-bias-kept"), OTHER),
        **dict.fromkeys(("two-biases", "biases-not-counted", "gates-counted", "recurrent-weights-only"), OTHER),
        **dict.fromkeys(("size-rounded-down", "four-thirds-of-the-units", "other-seeds", "fewer-updates"), OTHER),
        **dict.fromkeys(("one-seed", "training-loss", "best-run", "spread-as-deviation"), OTHER),
        **dict.fromkeys(("same-units-only", "parameters-of-the-lstm", "larger-loss-wins", "spread-ignored"), OTHER),
        **dict.fromkeys(("only-the-lstm-spreads", "spreads-added", "a-third-more"), OTHER),
    },
}
WAYS = [path for name in EXERCISES for path in sorted(read_exercise(name).folder.glob("private/ways/*.py"))]
MUTANTS = [(name, mutant) for name in EXERCISES for mutant in read_exercise(name).mutants]


@pytest.mark.parametrize("text", ["hello", "abcabc", "no"])
@pytest.mark.parametrize("name", EXERCISES)
def test_solutions_show_no_difference(name: str, text: str) -> None:
    comparison = compare(read_exercise(name).solution, text)
    assert comparison.first is None
    assert not comparison.problem
    assert comparison.loss == pytest.approx(comparison.right_loss, rel=1e-9)


@pytest.mark.parametrize("path", WAYS, ids=lambda path: f"{path.parts[-4]}: {path.stem}")
def test_other_right_ways_show_no_difference(path: Path) -> None:
    comparison = compare(path)
    assert comparison.first is None
    assert not comparison.problem


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mutant"), [pytest.param(n, m, id=f"{n}: {m.id}") for n, m in MUTANTS])
def test_mistakes_are_found(name: str, mutant: Mutant) -> None:
    solution = read_exercise(name).solution
    wrong = mutant.apply(solution)
    comparison = compare(wrong)
    assert bool(comparison.problem) == (mutant.id in STOPPED)
    if mutant.id in INVISIBLE[name]:
        assert comparison.first is None
        return
    first = comparison.first
    assert first is not None
    assert (first.quantity, first.t) == FOUND[name][mutant.id]
    matcher = difflib.SequenceMatcher(a=solution.splitlines(), b=wrong.splitlines(), autojunk=False)
    changed = {n for tag, _, _, low, high in matcher.get_opcodes() if tag != "equal" for n in range(low + 1, high + 1)}
    assert first.line > 0
    assert mutant.id in ELSEWHERE or changed & set(range(first.line, first.end + 1))
