"""The debugger on right files, on files with one mistake, and on files that cannot be followed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lstm_ext.errors import ArgumentError, DataError
from lstm_lab.exercises.catalogue import read_exercise
from lstm_lab.exercises.debugger import equations
from lstm_lab.exercises.debugger.compare import compare
from lstm_lab.exercises.debugger.equations import Run
from lstm_lab.exercises.debugger.start import random_start, without_peepholes

STUDENTS = Path(__file__).parent / "students"
NETWORK, CELL, GRU, RNN = (
    (STUDENTS / f"{name}.py").read_text() for name in ("lstm_network", "lstm_cell", "gru_cell", "rnn_cell")
)


@dataclass(frozen=True)
class Mutant:
    """A right file with ``old`` replaced, where the first wrong number is, and a piece of the line that computes it."""

    name: str
    old: str
    new: str
    stage: str
    t: int
    line: str = ""

    def of(self, source: str) -> str:
        assert source.count(self.old) == 1, self.old
        return source.replace(self.old, self.new)


GATES = "f = self.sigmoid(self.W{} @ concat + self.b{})\n            i = self.sigmoid(self.W{} @ concat + self.b{})"
#: For "hello": four characters are read, and h_0 and C_0 are not zero.
LSTM_MUTANTS = [
    Mutant("no bias", "self.Wf @ concat + self.bf", "self.Wf @ concat", "a_f", 1),
    Mutant("bias of another gate", "self.Wi @ concat + self.bi", "self.Wi @ concat + self.bf", "a_i", 1),
    Mutant(
        "weights of another gate", "self.sigmoid(self.Wo", "self.sigmoid(self.Wi", "a_o", 1, "o = self.sigmoid(self.Wi"
    ),
    Mutant("tanh as gate", "f = self.sigmoid(self.Wf", "f = np.tanh(self.Wf", "f", 1),
    Mutant("sigmoid as candidate", "np.tanh(self.Wc @ concat", "self.sigmoid(self.Wc @ concat", "g", 1),
    Mutant("gates multiply the wrong factors", "f * C_old + i * C_tilde", "i * C_old + f * C_tilde", "c", 1),
    Mutant("f with the weights of i", GATES.format(*"ffii"), GATES.format(*"iiff"), "f", 1),
    Mutant("i = 1 - f", "i = self.sigmoid(self.Wi @ concat + self.bi)", "i = 1 - f", "i", 1),
    Mutant("no input gate", "i * C_tilde\n", "C_tilde\n", "c", 1, "C = f * C_old"),
    Mutant("no forget gate", "C = f * C_old +", "C = C_old +", "c", 1),
    Mutant("h = o*C", "h = o * tanh_C", "h = o * C", "h", 1),
    Mutant("h = tanh(o*C)", "h = o * tanh_C", "h = np.tanh(o * C)", "h", 1),
    Mutant("h not carried on", "np.concatenate([h, x])", "np.concatenate([h_prev, x])", "h_prev", 2),
    Mutant("C not carried on", "C_old = C\n", "C_old = C_prev\n", "c_prev", 2),
    Mutant("sigmoid with the wrong sign", "(1 + np.exp(-x))", "(1 + np.exp(x))", "f", 1),
    Mutant("the next character as input", "x[inputs[t]] = 1.0", "x[targets[t]] = 1.0", "x", 1),
    Mutant("scores from C", "self.Wy @ h + self.by", "self.Wy @ C + self.by", "y", 1),
    Mutant("no output bias", "self.Wy @ h + self.by", "self.Wy @ h", "y", 1),
    Mutant("softmax not normalized", "p = p / p.sum()", "p = p / p.size", "p", 1),
    Mutant("loss of the input", "loss += -np.log(p[targets[t]])", "loss += -np.log(p[inputs[t]])", "loss", 1),
    Mutant("loss to base 10", "-np.log(p[", "-np.log10(p[", "loss", 1),
    Mutant("dy of the sum, loss of the mean", "dy /= T", "dy = dy * 1.0", "dy", 4),
    Mutant("dy without the target", "dy[self.targets[t]] -= 1", "pass", "dy", 4, "dy /= T"),
    Mutant("dWy with C", "np.outer(dy, h)", "np.outer(dy, C)", "dW_y", 4),
    Mutant("dh without t+1", "self.Wy.T @ dy + dh_next", "self.Wy.T @ dy", "dh", 3),
    Mutant("do with C", "do = dh * tanh_C", "do = dh * C", "do", 4),
    Mutant("no slope of o", "da_o = do * o * (1 - o)", "da_o = do", "da_o", 4),
    Mutant("dC without t+1", "dC = dC_next + dh * o", "dC = dh * o", "dc", 3),
    Mutant("no slope of tanh(C)", "dh * o * (1 - tanh_C**2)", "dh * o", "dc", 4),
    Mutant("1 - C^2", "(1 - tanh_C**2)", "(1 - C**2)", "dc", 4),
    Mutant("dC without o", "dC_next + dh * o * (1", "dC_next + dh * (1", "dc", 4),
    Mutant("di with i", "di = dC * C_tilde", "di = dC * i", "di", 4),
    Mutant("dC_tilde with C_tilde", "dC_tilde = dC * i", "dC_tilde = dC * C_tilde", "dg", 4),
    Mutant("df with the new C", "df = dC * C_old", "df = dC * C", "df", 4),
    Mutant("no slope of f", "da_f = df * f * (1 - f)", "da_f = df", "da_f", 4),
    Mutant("half a slope of i", "da_i = di * i * (1 - i)", "da_i = di * i", "da_i", 4),
    Mutant("no slope of the candidate", "dC_tilde * (1 - C_tilde**2)", "dC_tilde", "da_g", 4, "da_c = dC_tilde"),
    Mutant("tanh with the slope of sigmoid", "(1 - C_tilde**2)", "C_tilde * (1 - C_tilde)", "da_g", 4),
    Mutant("dWf set, not added", "self.dWf += np", "self.dWf = np", "dW", 3),
    Mutant("dbi set, not added", "self.dbi += da_i", "self.dbi = da_i", "dW", 3),
    Mutant("dWi with h_t", "outer(da_i, concat)", "outer(da_i, np.concatenate([h, concat[H:]]))", "dW", 4),
    Mutant("no way back through o", " + self.Wo.T @ da_o", "", "dh_prev", 4, "dconcat ="),
    Mutant("dh from the columns of x", "dconcat[:H]", "dconcat[-H:]", "dh_prev", 4),
    Mutant("dC back without f", "dC_next = dC * f", "dC_next = dC", "dc_prev", 4),
    Mutant("dC back through i", "dC_next = dC * f", "dC_next = dC * i", "dc_prev", 4),
    Mutant("dh_next never set", "dh_next = dconcat[:H]", "dh_before = dconcat[:H]", "dh", 3, "+ dh_next"),
    Mutant("dC_next never set", "dC_next = dC * f", "dC_before = dC * f", "dc", 3, "dC = dC_next"),
]
#: The same in few lines, where numbers have no names of their own.
CELL_MUTANTS = [
    Mutant("h = o*c", "h = o * np.tanh(c)", "h = o * c", "h", 1),
    Mutant("gates multiply the wrong factors", "f * c_prev + i * c_tilde", "i * c_prev + f * c_tilde", "c", 1),
    Mutant("candidate without bias", "self.Wc @ hx + self.bc", "self.Wc @ hx", "a_g", 1),
    Mutant("do with c", "do = dh * tanh_c * o", "do = dh * c * o", "do", 4),
    Mutant("no slope of o", "tanh_c * o * (1 - o)", "tanh_c", "da_o", 4, "do = dh * tanh_c"),
    Mutant("dc without t+1", "dc = dc + dh * o * (1 - tanh_c**2)", "dc = dh * o * (1 - tanh_c**2)", "dc", 3),
    Mutant("no slope of tanh(c)", "dh * o * (1 - tanh_c**2)", "dh * o", "dc", 4),
    Mutant("df with the new c", "df = dc * c_prev", "df = dc * c", "df", 4),
    Mutant("no slope of f", "df = dc * c_prev * f * (1 - f)", "df = dc * c_prev", "da_f", 4),
    Mutant("no slope of i", "di = dc * c_tilde * i * (1 - i)", "di = dc * c_tilde", "da_i", 4),
    Mutant("no slope of the candidate", "dc * i * (1 - c_tilde**2)", "dc * i", "da_g", 4, "dc_tilde = dc * i"),
    Mutant("dWo with c", "np.outer(do, hx)", "np.outer(c, hx)", "dW", 4),
    Mutant("no way back through f", "self.Wf.T @ df + ", "", "dh_prev", 4, "dhx ="),
    Mutant("dc back without f", '"dc_prev": dc * f', '"dc_prev": dc', "dc_prev", 4),
    Mutant("dh and dx exchanged", '"dh_prev": dhx[: self.H]', '"dh_prev": dhx[-self.H :]', "dh_prev", 4),
]
GRU_MUTANTS = [
    Mutant("no bias", "self.Wr @ hx + self.br", "self.Wr @ hx", "a_r", 1),
    Mutant("tanh as gate", "z = sigmoid(", "z = np.tanh(", "z", 1),
    Mutant("no reset", "np.concatenate([r * h_prev, x])", "np.concatenate([h_prev, x])", "s", 1, "rhx = "),
    Mutant("reset with z", "np.concatenate([r * h_prev, x])", "np.concatenate([z * h_prev, x])", "s", 1),
    Mutant("h keeps r*h", "h = (1 - z) * h_prev", "h = (1 - z) * r * h_prev", "h", 1),
    Mutant("old state not weighted", "h = (1 - z) * h_prev", "h = h_prev", "h", 1),
    Mutant("sigmoid as candidate", "h_tilde = np.tanh(", "h_tilde = sigmoid(", "n", 1),
    Mutant("dz with h_tilde alone", "dh * (h_tilde - h_prev)", "dh * h_tilde", "dz", 4),
    Mutant("no slope of z", "da_z = dz * z * (1 - z)", "da_z = dz", "da_z", 4),
    Mutant("dh_tilde not weighted", "dh_tilde = dh * z", "dh_tilde = dh", "dn", 4),
    Mutant("no slope of the candidate", "dh_tilde * (1 - h_tilde**2)", "dh_tilde", "da_n", 4, "da_h = dh_tilde"),
    Mutant("dr without h", "dr = drh * h_prev", "dr = drh", "dr", 4),
    Mutant("no slope of r", "da_r = dr * r * (1 - r)", "da_r = dr", "da_r", 4),
    Mutant("no way back past the cell", "dh * (1 - z) + drh * r", "drh * r", "dh_prev", 4, "dh_prev = dh_prev"),
    Mutant("back through the candidate without r", "+ drh * r", "+ drh", "dh_prev", 4, "dh_prev = dh_prev"),
    Mutant("dWh with h", "np.outer(da_h, rhx)", "np.outer(da_h, hx)", "dW", 4),
]
RNN_MUTANTS = [
    Mutant("no bias", "self.W_xh @ x + self.b", "self.W_xh @ x", "a", 1),
    Mutant("W_hh transposed", "self.W_hh @ h_prev", "self.W_hh.T @ h_prev", "a", 1),
    Mutant("h_prev ignored", "self.W_hh @ h_prev + ", "", "a", 1, "a = "),
    Mutant("sigmoid", "np.tanh(a)", "1 / (1 + np.exp(-a))", "h", 1),
    Mutant("no slope", "da = dh * (1 - h**2)", "da = dh", "da", 4),
    Mutant("slope at a", "da = dh * (1 - h**2)", "da = dh * (1 - np.arctanh(h)**2)", "da", 4),
    Mutant("dW_hh with h_t", "np.outer(da, h_prev)", "np.outer(da, h)", "dW", 4),
    Mutant("back through W_hh itself", "self.W_hh.T @ da", "self.W_hh @ da", "dh_prev", 4),
    Mutant("back without W_hh", '"dh_prev": self.W_hh.T @ da', '"dh_prev": da', "dh_prev", 4),
]
ALL = [
    *((NETWORK, mutant) for mutant in LSTM_MUTANTS),
    *((CELL, mutant) for mutant in CELL_MUTANTS),
    *((GRU, mutant) for mutant in GRU_MUTANTS),
    *((RNN, mutant) for mutant in RNN_MUTANTS),
]
KINDS = {NETWORK: "network", CELL: "cell", GRU: "gru", RNN: "rnn"}


@pytest.mark.parametrize(("source", "mutant"), [pytest.param(s, m, id=f"{KINDS[s]}: {m.name}") for s, m in ALL])
def test_the_first_wrong_number_is_found(source: str, mutant: Mutant) -> None:
    wrong = mutant.of(source)
    comparison = compare(wrong)
    first = comparison.first
    assert first is not None
    mark = mutant.line or mutant.new.partition("\n")[0]
    line = 1 + wrong[: wrong.index(mark)].count("\n")
    assert (first.stage, first.t, first.line) == (mutant.stage, mutant.t, line), first
    assert mark in first.code
    assert not comparison.problem
    assert comparison.others == ()


@pytest.mark.parametrize("name", sorted(path.stem for path in STUDENTS.glob("*.py")))
@pytest.mark.parametrize("text", ["hello", "abcabc", "no"])
def test_right_files_show_no_difference(name: str, text: str) -> None:
    comparison = compare(STUDENTS / f"{name}.py", text)
    assert comparison.problem == ""
    assert comparison.first is None
    assert comparison.loss == pytest.approx(comparison.right_loss, rel=1e-9)


@pytest.mark.parametrize(
    ("cell", "option"), [("lstm", ""), ("lstm", "peephole"), ("gru", ""), ("gru", "reset_after"), ("rnn", "")]
)
def test_the_equations_are_the_walk(cell: str, option: str) -> None:
    """The equations that are followed, one by one, and the walk's numbers, which the engine computed."""
    after = TORCH_GRU.replace("(1 - z) * n + z * h", "(1 - z) * h + z * n")
    peephole = read_exercise("peephole").solution
    source = {"lstm": peephole if option else CELL, "gru": after if option else GRU, "rnn": RNN}[cell]
    walked = compare(source, "hello").walk
    assert walked is not None
    assert walked.config.reset_after == (option == "reset_after")
    assert walked.config.peephole == (option == "peephole")
    start = random_start(cell, [1, 0, 2, 2, 3], 4, 3, 0)
    if cell == "gru" and not option:
        start.weights["b_nh"][:] = 0
    if not option:
        start = without_peepholes(start)
    options = {option: True} if option else {}
    run = Run(start, (equations.forward(cell, **options), equations.backward(cell, **options)), 1 / 4)
    compared = 0
    for (name, t), value in run.values.items():
        if t >= 1 and name in walked.steps[t - 1].values:
            np.testing.assert_allclose(value, walked.steps[t - 1].values[name], rtol=1e-10, atol=1e-13, err_msg=name)
            compared += 1
    assert compared >= 4 * {"lstm": 29, "gru": 22, "rnn": 10}[cell]
    for name, gradient in walked.gradients.items():
        if name in ("W_y", "b_y"):
            total = sum(run.values[f"d{name}", t] for t in range(1, 5))
            np.testing.assert_allclose(total, gradient, rtol=1e-10, atol=1e-13)


#: A GRU as PyTorch has it: z is the share of the old state, and the reset gate acts after the product.
TORCH_GRU = """import numpy as np
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
class GRU:
    def __init__(self, input_size, hidden_size):
        shape = (hidden_size, hidden_size)
        self.W_hr, self.W_hz, self.W_hn = (np.random.randn(*shape) for _ in range(3))
        self.W_xr, self.W_xz, self.W_xn = (np.random.randn(hidden_size, input_size) for _ in range(3))
        self.b_r, self.b_z, self.b_n, self.b_hn = (np.zeros(hidden_size) for _ in range(4))
    def forward(self, x, h):
        r = sigmoid(self.W_xr @ x + self.W_hr @ h + self.b_r)
        z = sigmoid(self.W_xz @ x + self.W_hz @ h + self.b_z)
        m = self.W_hn @ h + self.b_hn
        n = np.tanh(self.W_xn @ x + self.b_n + r * m)
        return (1 - z) * n + z * h
"""


def test_both_conventions_of_a_gru_and_columns_x_h_are_recognized() -> None:
    comparison = compare(TORCH_GRU)
    assert comparison.first is None and not comparison.problem
    notes = " ".join(comparison.notes)
    assert "z is the share of the old state" in notes and "acts after the matrix product" in notes
    wrong = compare(TORCH_GRU.replace("+ r * m", "+ m"))
    assert wrong.first is not None
    assert (wrong.first.quantity, wrong.first.line) == ("a_n", 14)

    x_first = NETWORK.replace("np.concatenate([h, x])", "np.concatenate([x, h])").replace("dconcat[:H]", "dconcat[-H:]")
    comparison = compare(x_first)
    assert comparison.first is None and not comparison.problem
    assert comparison.notes == ("the columns of your W are [x, h]; the course has them as [h, x]",)
    # Backward as if the columns were [h, x]: then the other order is no convention, but the mistake.
    mixed = compare(NETWORK.replace("np.concatenate([h, x])", "np.concatenate([x, h])"))
    assert mixed.first is not None
    assert (mixed.first.quantity, mixed.first.t) == ("a_f", 1)


@pytest.mark.parametrize(
    "edits",
    [
        (("return loss / len(inputs)", "return loss"), ("            dy /= T\n", "")),
        (
            ("            dy /= T\n", ""),
            (
                "        return dh_next, dC_next",
                "        for n in ['Wf', 'Wi', 'Wc', 'Wo', 'Wy', 'bf', 'bi', 'bc', 'bo', 'by']:\n"
                "            setattr(self, 'd' + n, getattr(self, 'd' + n) / T)\n        return dh_next, dC_next",
            ),
        ),
        (("for t in range(len(inputs)):", "for t, _ in enumerate(inputs):"),),
        (("C = f * C_old + i * C_tilde", "C = np.multiply(f, C_old)\n            C += i * C_tilde"),),
    ],
    ids=["loss and gradient are sums", "divided at the end", "enumerate", "in place"],
)
def test_other_ways_to_be_right(edits: tuple[tuple[str, str], ...]) -> None:
    source = NETWORK
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    comparison = compare(source)
    assert comparison.first is None, comparison.first
    assert comparison.problem == ""


def test_names_that_say_nothing() -> None:
    source = NETWORK
    for number, name in enumerate(("tanh_C", "C_tilde", "da_f", "da_i", "da_c", "da_o", "dC_next")):
        source = source.replace(name, f"q{number}")
    assert compare(source).first is None
    wrong = compare(source.replace("h = o * q0", "h = o * C"))
    assert wrong.first is not None
    assert (wrong.first.quantity, wrong.first.t, wrong.first.line) == ("h", 1, 39)


CELL_DICT = '        return {\n            "dWf"'
BROKEN = {
    "empty": ("\n", "The file is empty"),
    "syntax": (NETWORK.replace("class LSTM:", "class LSTM"), "line 4: Python cannot read the file: SyntaxError"),
    "no class": ("import numpy as np\n", "no class to follow: expected one named LSTM, LSTMCell, GRU"),
    "no forward": ("class LSTM:\n    pass\n", "no class to follow"),
    "raises": (NETWORK.replace("dy + dh_next", "dx + dh_next"), "line 63: Your code stopped with an error: NameError"),
    "shape": (
        NETWORK.replace("self.Wf @ concat", "self.Wf @ x"),
        "line 32: Your code stopped with an error: ValueError",
    ),
    "endless": (
        NETWORK.replace("        return loss /", "        while True:\n            pass\n        return loss /"),
        "line 47: Your code did not come to an end",
    ),
    "exit": (
        NETWORK.replace("return loss / len(inputs)", "raise SystemExit(3)"),
        "line 47: Your code ended the program",
    ),
    "no loss": (
        NETWORK.replace("return loss / len(inputs)", "return None"),
        "LSTM.forward returned None, expected the loss",
    ),
    "other names": (
        NETWORK.replace("self.Wf = ", "self.Forget = "),
        "LSTM has no array for Wf: got Forget (3, 7), Wi (3, 7)",
    ),
    "other shapes": (
        NETWORK.replace(
            "randn(hidden_size, n) * 0.1\n        self.Wi", "randn(hidden_size, n + 1) * 0.1\n        self.Wi"
        ),
        "LSTM has no array for Wf: got Wf (3, 8)",
    ),
    "constructor": (
        NETWORK.replace("n = hidden_size + input_size", "n = 1 / 0"),
        "line 7: Your code stopped with an error: ZeroDivisionError",
    ),
    "h alone": (
        CELL.replace("return h, c, cache", "return h"),
        "LSTMCell.forward returned an array of shape (3,), expected (h, c, cache)",
    ),
    "short h": (
        CELL.replace("return h, c, cache", "return h[:2], c, cache"),
        "LSTMCell.forward returned an array of shape (2,) for h",
    ),
    "no gradients": (
        CELL.replace(CELL_DICT, CELL_DICT.replace("return", "unused =")),
        "LSTMCell.backward returned None without dh_prev",
    ),
    "no dc_prev": (CELL.replace('"dc_prev": dc * f,', ""), "dh_prev without dc_prev, expected a dict with dc_prev"),
    "recursion": (
        NETWORK.replace(
            "        loss = 0.0", "        self.forward(inputs, targets, h_prev, C_prev)\n        loss = 0.0"
        ),
        "line 22: Your code calls itself without end",
    ),
    "unwritten": (
        NETWORK.replace("        T = len(self.inputs)", "        raise NotImplementedError"),
        "line 50: This part is not written yet",
    ),
    "import": ("import not_there\n" + NETWORK, "line 1: An import failed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_gets_one_clear_line(name: str) -> None:
    source, message = BROKEN[name]
    comparison = compare(source, seconds=2 if name == "endless" else 10)
    assert message in comparison.problem
    assert "\n" not in comparison.problem
    assert comparison.first is None
    assert not comparison.agrees


def test_what_was_computed_before_a_crash_is_compared() -> None:
    source = NETWORK.replace("h = o * tanh_C", "h = o * C").replace("dy + dh_next", "dx + dh_next")
    comparison = compare(source)
    assert "NameError" in comparison.problem
    assert comparison.first is not None
    assert (comparison.first.quantity, comparison.first.line) == ("h", 39)


def test_what_compare_is_given(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="text: got 1 characters, expected 2 to 60"):
        compare(CELL, "h")
    with pytest.raises(ArgumentError, match="hidden_size: got 4, as many as"):
        compare(CELL, "hello", hidden_size=4)
    with pytest.raises(DataError, match=r"there is no none\.py"):
        compare(tmp_path / "none.py")
    both = compare(CELL + GRU.replace("import numpy as np", ""), cell="gru")
    assert (both.name, both.cell) == ("GRUCell", "gru")
    assert "the file also has a LSTM" in " ".join(compare(CELL + GRU).notes) or "gru" in " ".join(
        compare(CELL + GRU).notes
    )


#: Mistakes of the course's first exercise that one run forward and backward on given weights does not show.
INVISIBLE = {
    *("exp-overflows", "softmax-overflows", "log-of-zero", "loss-capped"),  # large numbers
    *("forget-bias-zero", "all-biases-one", "zero-weights"),  # initial weights
    *("transposed-outer-product", "dh-and-dx-exchanged", "dh-prev-of-x"),  # raise an error
    *(
        "dc-in-place",
        "clipped-in-backward",
        "clipped-on-the-way",
        "gradients-pile-up",
        "old-steps-kept",
    ),  # second calls
    *("update-unclipped", "update-by-value", "update-norm-per-array", "update-counts-states"),
    *("update-always-scaled", "update-uphill", "update-forgets-output"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", read_exercise("build_lstm").mutants, ids=lambda mutant: mutant.id)
def test_mistakes_of_the_first_exercise_are_found(mutant: object) -> None:
    source = mutant.apply(read_exercise("build_lstm").solution)  # type: ignore[attr-defined]
    comparison = compare(source)
    if mutant.id in INVISIBLE:  # type: ignore[attr-defined]
        assert comparison.first is None
    else:
        assert comparison.first is not None
        assert comparison.first.line > 0


def test_a_gru_in_another_convention_forward_alone_has_a_mistake_forward() -> None:
    reversed_gate = compare(GRU.replace("(1 - z) * h_prev + z * h_tilde", "z * h_prev + (1 - z) * h_tilde"))
    assert reversed_gate.first is not None
    assert (reversed_gate.first.quantity, reversed_gate.first.t, reversed_gate.first.line) == ("h", 1, 21)
    assert reversed_gate.notes == ()


@pytest.mark.parametrize("product", ["h_prev @ self.W_hh", "self.W_hh @ h_prev"])
def test_rows_and_columns_of_separate_matrices(product: str) -> None:
    source = RNN.replace("randn(hidden_size, input_size)", "randn(input_size, hidden_size)")
    source = source.replace("self.W_hh @ h_prev + self.W_xh @ x", f"{product} + x @ self.W_xh")
    source = source[: source.index("    def backward")]
    comparison = compare(source)
    assert comparison.first is None
    assert comparison.problem == ""


def test_a_network_without_a_loss_is_not_taken_for_a_cell() -> None:
    comparison = compare(RNN.replace("forward(self, x, h_prev)", "forward(self, xs, h_prev)"))
    assert comparison.problem.startswith("RNNCell.forward takes xs, h_prev: expected a cell, forward(x, h_prev), or")


#: The network in float32 throughout.
SINGLE = NETWORK.replace("np.random.randn(", "randn(").replace("np.zeros(", "zeros(").replace("np.ones(", "ones(")
SINGLE = SINGLE.replace("h, C = h_prev, C_prev", "h, C = h_prev.astype(np.float32), C_prev.astype(np.float32)")
SINGLE = SINGLE.replace(
    "import numpy as np\n",
    """import numpy as np
def randn(*shape):
    return np.random.randn(*shape).astype(np.float32)
def zeros(shape):
    return np.zeros(shape, dtype=np.float32)
def ones(shape):
    return np.ones(shape, dtype=np.float32)
""",
)


@pytest.mark.parametrize("text", ["hello", "abcabc", "backpropagation through time"])
def test_float32_is_compared_with_fewer_digits(text: str) -> None:
    comparison = compare(SINGLE, text)
    assert comparison.first is None
    assert comparison.loss != comparison.right_loss
    assert comparison.loss == pytest.approx(comparison.right_loss, rel=1e-5)
    assert comparison.notes == (
        "your file has float32 arrays: numbers that differ by less than 1 in 10,000 count as the same",
    )
    # The same error is too large for float64.
    off = "h = o * tanh_C * (1 + 1e-5)"
    assert compare(SINGLE.replace("h = o * tanh_C", off), text).first is None
    assert compare(NETWORK.replace("h = o * tanh_C", off), text).first is not None


@pytest.mark.parametrize("mutant", LSTM_MUTANTS[::4], ids=lambda mutant: mutant.name)
def test_mistakes_in_float32_are_found(mutant: Mutant) -> None:
    first = compare(mutant.of(SINGLE)).first
    assert first is not None
    assert (first.stage, first.t) == (mutant.stage, mutant.t)
