"""What somebody's first tries were told: files written from the texts alone, not from the mutants."""

from __future__ import annotations

import pytest

from lstm_lab.exercises.authoring import ladder_of
from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.grading.inline import InlineRunner
from lstm_lab.exercises.grading.report import Finding

NEURON = """import numpy as np

def forward(w, b, x, target):
    y = np.tanh(w @ x + b)
    return (y - target) ** 2 / 2, y

def backward(w, b, x, target):
    loss, y = forward(w, b, x, target)
    da = (y - target) * (1 - y**2)
    return {"dw": da * x, "db": da, "dx": da * w}
"""
CELL = """import numpy as np

class RNNCell:
    def __init__(self, input_size, hidden_size):
        self.W_hh = np.random.randn(hidden_size, hidden_size) * 0.01
        self.W_xh = np.random.randn(hidden_size, input_size) * 0.01
        self.b = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        return np.tanh(self.W_hh @ h_prev + self.W_xh @ x + self.b)
"""
CHECK = """import numpy as np

def numerical_gradient(f, x, epsilon=1e-5):
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + epsilon
        above = f(x)
        x[i] = old - epsilon
        below = f(x)
        x[i] = old
        grad[i] = (above - below) / (2 * epsilon)
    return grad

def relative_error(a, b):
    n = max(np.linalg.norm(a), np.linalg.norm(b))
    return 0.0 if n == 0 else np.linalg.norm(a - b) / n

def check(f, gradient, x):
    return relative_error(gradient, numerical_gradient(f, x)) < 1e-6
"""
CLIP = """import numpy as np

def clip_gradients(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g ** 2) for g in grads))
    return [g * (max_norm / norm) for g in grads]
"""


def told(exercise: str, source: str) -> Finding:
    """What the first broken rung says."""
    ladder = ladder_of(exercises()[exercise])
    report = ladder.climb(exercise, InlineRunner(source, [rung.probe for rung in ladder.rungs]), 3)
    assert report.broken is not None and report.broken.finding is not None, "passes"
    return report.broken.finding


@pytest.mark.parametrize(
    ("exercise", "source"), [("one_neuron", NEURON), ("rnn_cell", CELL), ("gradient_check", CHECK)]
)
def test_the_files_are_right_before_the_mistake(exercise: str, source: str) -> None:
    with pytest.raises(AssertionError, match="passes"):
        told(exercise, source)


@pytest.mark.parametrize(
    ("exercise", "source", "code"),
    [
        (
            "one_neuron",
            NEURON.replace("(y - target) ** 2 / 2, y", "y, (y - target) ** 2 / 2").replace("loss, y =", "y, loss ="),
            "returned-swapped",
        ),
        ("one_neuron", NEURON.replace("(1 - y**2)", "(1 - np.tanh(y) ** 2)"), "tanh-twice"),
        ("rnn_cell", CELL.replace("self.W_hh @", "self.W_hh *"), "entry-by-entry"),
        ("gradient_check", CHECK.replace("/ (2 * epsilon)", "/ 2 * epsilon"), "half-times-epsilon"),
        ("gradient_check", CHECK.replace("np.ndindex(x.shape)", "range(len(x))"), "rows-put-back"),
        (
            "gradient_check",
            CHECK.replace(
                "relative_error(gradient, numerical_gradient(f, x)) < 1e-6",
                "np.allclose(gradient, numerical_gradient(f, x))",
            ),
            "allclose",
        ),
        ("clip_gradients", CLIP, "scaled-without-asking"),
    ],
)
def test_first_tries_are_told_what_is_wrong(exercise: str, source: str, code: str) -> None:
    assert told(exercise, source).code == code


def test_a_tuple_is_not_called_a_dictionary() -> None:
    finding = told("one_neuron", NEURON.replace('{"dw": da * x, "db": da, "dx": da * w}', "da * x, da, da * w"))
    assert finding.message == "db is missing: backward(w, b, x, target) returned a value of type tuple."


def test_the_names_that_are_there_are_said() -> None:
    finding = told("one_neuron", NEURON.replace('"dx"', '"dX"').replace('"db"', '"dB"'))
    assert finding.message.endswith("returned a dictionary without it, only dw, dB, dX.")


def test_an_array_where_a_number_is_wanted() -> None:
    finding = told("one_neuron", NEURON.replace("w @ x", "w * x"))
    assert finding.cause.startswith("It is an array where one number is wanted")


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        (NEURON.replace("import numpy as np\n", ""), "Write import numpy as np at the top of the file."),
        (NEURON.replace("return (y - target)", "return (z - target)"), "is the name spelled as where it was made"),
    ],
)
def test_a_name_that_is_not_there(source: str, advice: str) -> None:
    assert advice in told("one_neuron", source).next
