"""The debugger on right files, on files with one mistake, and on files that cannot be followed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lstm_lab.exercises.debugger.compare import compare

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
