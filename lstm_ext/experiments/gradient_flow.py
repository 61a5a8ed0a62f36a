"""How much of the gradient is left many steps back?"""

from __future__ import annotations

import math

import numpy as np

from ..cells.config import LayerConfig, Weights
from ..engine.backend import engine_module
from ..engine.state_gradients import state_gradients
from ..nn.initialization import initialize_layer
from .charts import Curve, LineChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import generator
from .words import times

#: Name → cell, initialization, forget bias.
STARTS: dict[str, tuple[str, str, float]] = {
    "RNN": ("rnn", "xavier", 0.0),
    "RNN orthogonal": ("rnn", "orthogonal", 0.0),
    "GRU": ("gru", "xavier", 0.0),
    "LSTM b_f = 0": ("lstm", "xavier", 0.0),
    "LSTM b_f = 1": ("lstm", "xavier", 1.0),
    "LSTM b_f = 3": ("lstm", "xavier", 3.0),
    "LSTM b_f = 5": ("lstm", "xavier", 5.0),
}
STEPS = 100
#: Steps back that the tables show.
SHOWN = (10, 20, 50, 99)
SEQUENCES = 8


class GradientFlow(Experiment):
    name = "gradient-flow"
    question = "How much of the gradient is left many steps back?"
    method = """
        Untrained networks and a loss that depends only on the last of 100 steps, a random linear function of
        h_100: 32 units, Xavier-uniform weights (or orthogonal recurrent ones), all biases 0 except the forget
        bias b_f, random symbols as inputs, float64. The experiment measures what backpropagation really
        computes at every step: the norm of ∂L/∂h_t and, for an LSTM, of ∂L/∂C_t, each as a share of its value
        at the last step, averaged (as logarithms) over 8 sequences. ∂L/∂C_t has both parts, through C_t+1 and
        through h_t. For comparison, the product of the forget gates alone is only the direct part of
        ∂C_100/∂C_t.
    """
    seeds = 10
    quick_seeds = 5

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            name: {"cell": cell, "init": init, "forget_bias": bias, "steps": STEPS, "hidden_size": 32, "input_size": 16}
            for name, (cell, init, bias) in STARTS.items()
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        layer = LayerConfig(settings["cell"], settings["input_size"], settings["hidden_size"])
        rng = generator(seed, 0)
        weights = {name: np.zeros(shape) for name, shape in layer.parameter_shapes().items()}
        initialize_layer(layer, weights, rng, settings["init"], settings["forget_bias"])
        x = rng.integers(0, layer.input_size, (settings["steps"], SEQUENCES), dtype=np.int32)
        dh_last = rng.standard_normal((SEQUENCES, layer.hidden_size))
        engine, own = engine_module(), Weights(weights["Wt"], weights["b"])
        acts = engine.layer_forward(layer, own, x, np.zeros((layer.state_arrays, *dh_last.shape)))
        dh_output = np.zeros((len(x), *dh_last.shape))
        dh_output[-1] = dh_last
        gradients = state_gradients(engine, own, acts, dh_output)
        numbers: Numbers = {"dh": _shares(gradients.dh)}
        if (dc := gradients.dc) is not None:
            forget = acts.blocks["f"]
            numbers["dc"] = _shares(dc)
            products = np.concatenate([np.ones_like(forget[:1]), forget[:0:-1].cumprod(axis=0)])
            numbers["product of f"] = _shares((dc[-1] * products)[::-1])
        return numbers

    def report(self, results: Results) -> Report:
        back = np.arange(STEPS)
        shown = ("RNN", "GRU", "LSTM b_f = 0", "LSTM b_f = 1", "LSTM b_f = 3", "LSTM b_f = 5")
        lstms = [name for name in STARTS if name.startswith("LSTM")]

        def curves(names: tuple[str, ...] | list[str], metric: str) -> list[Curve]:
            return [Curve(name, back, *results.spreads(name, metric)) for name in names]

        def row(name: str, metric: str) -> list[str]:
            median, low, high = results.spreads(name, metric)
            return [name, *(f"{median[n]:.1e} ({low[n]:.0e}–{high[n]:.0e})" for n in SHOWN)]

        columns = ["start", *(f"{n} back" for n in SHOWN)]
        return Report(
            tables=[
                Table("∂L/∂h, as a share of its value at the last step", columns, [row(name, "dh") for name in STARTS]),
                Table("∂L/∂C, in the same way", columns, [row(name, "dc") for name in lstms]),
                Table("product of the forget gates alone", columns, [row(name, "product of f") for name in lstms]),
            ],
            charts=[
                LineChart("share of ∂L/∂h that is left", "steps back from the loss", curves(shown, "dh"), log_y=True),
                LineChart("share of ∂L/∂C that is left", "steps back from the loss", curves(lstms, "dc"), log_y=True),
            ],
            findings=self._findings(results),
            claims=self._claims(results),
        )

    def _left(self, results: Results, name: str, metric: str = "dh", back: int = 50) -> float:
        return float(results.spreads(name, metric)[0][back])

    def _findings(self, results: Results) -> list[str]:
        left = {name: self._left(results, name) for name in STARTS}
        order = sorted(left, key=lambda name: -left[name])
        rnn, zero, one = (left[name] for name in ("RNN", "LSTM b_f = 0", "LSTM b_f = 1"))
        compared = "less" if zero < rnn else "more"
        direct, full = (self._left(results, "LSTM b_f = 1", metric) for metric in ("product of f", "dc"))
        return [
            "50 steps back, this share of ∂L/∂h is left: "
            + ", ".join(f"{name} {left[name]:.0e}" for name in order)
            + ".",
            f"An LSTM with b_f = 0 keeps {times(max(zero, rnn) / min(zero, rnn))} {compared} than the plain RNN; "
            f"with b_f = 1 it keeps {times(one / zero)} as much as with b_f = 0.",
            f"For b_f = 1 the product of the forget gates is {direct:.0e} there. The gradient really left in the cell "
            f"is {full:.0e}, {times(full / direct)} as much: the rest comes back through h.",
        ]

    def _claims(self, results: Results) -> list[Claim]:
        one, rnn = (self._left(results, name) for name in ("LSTM b_f = 1", "RNN"))
        cell = self._left(results, "LSTM b_f = 1", "dc")
        direct = self._left(results, "LSTM b_f = 1", "product of f")
        return [
            Claim(
                "Day 2: Understanding LSTM Networks, section 1",
                "After 50 steps 0.9^50 = 0.005 is left in a plain RNN and 0.99^50 = 0.6 in an LSTM, 117 times as much.",
                f"The factors were made up. Measured: RNN {rnn:.0e}, LSTM with b_f = 1 {one:.0e} of ∂L/∂h "
                f"and {cell:.0e} of ∂L/∂C.",
            ),
            Claim(
                "Day 14: LSTM and GRU Networks, Day 2: Understanding LSTM Networks, LSTM Cheatsheet",
                "f is near 1 by default, so gradients flow without vanishing.",
                f"{'Held' if cell > 0.1 else 'Did not hold'} for b_f = 1: σ(1) = 0.73, and {cell:.0e} of ∂L/∂C is left "
                f"after 50 steps; with b_f = 5, {self._left(results, 'LSTM b_f = 5', 'dc'):.1g}.",
            ),
            Claim(
                "Day 2: Understanding LSTM Networks, section 8; Tutorial 13: Recurrent Neural Networks, A5",
                "The gradient of C_t with respect to C_t−1 is just f_t.",
                f"{'Only its direct part' if full_differs(cell, direct) else 'Held'}: after 50 steps the product of "
                f"the gates is {direct:.0e}, the gradient {cell:.0e}.",
            ),
        ]


def full_differs(full: float, direct: float) -> bool:
    """Whether the two are more than a factor of 2 apart."""
    return abs(math.log(full / direct)) > math.log(2)


def _shares(gradients: np.ndarray) -> np.ndarray:
    """(T,) from gradients (T, B, H): the norm by steps back as a share of the last, geometric mean over B."""
    norms = np.linalg.norm(gradients, axis=2)[::-1]
    with np.errstate(divide="ignore"):
        shares: np.ndarray = np.exp((np.log(norms) - np.log(norms[0])).mean(axis=1))
    return shares


EXPERIMENT = GradientFlow
