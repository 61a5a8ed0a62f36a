"""Two engines that are wrong in the same way, and whose gradients are right for what they compute: core, twin and
differences all agree with each other, and only the textbook's equations tell."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_ext.cells.activations import Activations
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine import twin
from lstm_ext.engine.interface import LayerGradients
from lstm_ext.verify import Verification, textbook
from lstm_ext.verify.cases import parameter_views, random_layer
from lstm_ext.verify.checks import Comparison, Engines, NamedEngine, Row, Size


def both(module: Any) -> Engines:
    """The same module as the core and as the twin."""
    return Engines((NamedEngine("core", module),), NamedEngine("twin", module))


def verdicts(rows: list[Row]) -> dict[str, bool]:
    """By reference, whether every row passes; all of them do, or none."""
    found = {row.reference: row.passed for row in rows}
    assert all(row.passed == found[row.reference] for row in rows)
    return found


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def wrong_lstm(
    Wt: np.ndarray, b: np.ndarray, peephole: np.ndarray, x: np.ndarray, state: np.ndarray
) -> dict[str, np.ndarray]:
    """h, c and the gates of every step of an LSTM whose output gate looks at c_{t−1}, where it should at c_t."""
    h, c = state
    steps = []
    for row in x:
        a_i, a_f, a_g, a_o = np.split(np.concatenate([h, row], axis=1) @ Wt + b, 4, axis=1)
        i, f, g = sigmoid(a_i + peephole[0] * c), sigmoid(a_f + peephole[1] * c), np.tanh(a_g)
        o = sigmoid(a_o + peephole[2] * c)
        c = f * c + i * g
        h = o * np.tanh(c)
        steps.append({"h": h, "c": c, "gates": np.stack([i, f, g, o], axis=1), "extra": np.tanh(c)})
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


class OutputPeepholeAtThePast:
    """Layers of an engine; gradients by complex steps, exact but for rounding."""

    kernel = None

    @staticmethod
    def layer_forward(
        config: LayerConfig, weights: Weights, x: np.ndarray, state: np.ndarray, *_: object
    ) -> Activations:
        found = wrong_lstm(*(array.astype(np.float64) for array in (*weights, x, state)))
        acts = Activations.empty(config, x.shape[:2], x.dtype)
        acts.x = x
        acts.h[0], acts.c[0] = state  # type: ignore[index]
        acts.h[1:], acts.c[1:], acts.gates[...], acts.extra[...] = found.values()  # type: ignore[index]
        return acts

    @staticmethod
    def layer_backward(weights: Weights, acts: Activations, dh: np.ndarray, dfinal: np.ndarray) -> LayerGradients:
        assert acts.x is not None and acts.c is not None
        arrays = [array.astype(complex) for array in (*weights, acts.x, np.stack([acts.h[0], acts.c[0]]))]
        gradients = []
        for array in arrays:
            gradient = np.empty(array.shape, dh.dtype)
            for index in np.ndindex(array.shape):
                array[index] += 1e-30j
                found = wrong_lstm(*arrays)
                final = np.stack([found["h"][-1], found["c"][-1]])
                gradient[index] = (np.sum(dh * found["h"]) + np.sum(dfinal * final)).imag / 1e-30
                array[index] = array[index].real
            gradients.append(gradient)
        dWt, db, dpeephole, dx, dstate = gradients
        return LayerGradients(dx, dstate, dWt, db, dpeephole)


def test_an_output_peephole_at_the_state_before() -> None:
    config = LayerConfig("lstm", 2, 3, peephole=True)
    size = Size(lambda dtype, draw: random_layer(config, 4, 2, dtype=dtype, seed=draw), entries=5)
    check = Comparison("layers", "lstm peephole", [size], others={"textbook": textbook.layer_results})
    rows = check.rows(both(OutputPeepholeAtThePast()))
    assert verdicts(rows) == {"twin": True, "differences": True, "textbook": False}
    wrong = {name for row in rows for name, error in row.errors.items() if not error <= row.bound}
    assert wrong == {"h", "c", "gates", "extra"}


class PeepholesExchanged(twin.Engine):
    """Every input gate has the forget gate's peepholes, and the other way round."""

    def _exchange(self, flat: np.ndarray) -> None:
        for name, view in parameter_views(self.config, flat).items():
            if name.endswith("peephole"):
                view[:2] = view[1::-1].copy()

    def forward(self, *arguments: Any, **options: Any) -> float:
        self._exchange(self.parameters)
        loss = super().forward(*arguments, **options)
        self._exchange(self.parameters)
        return loss

    def backward(self, *arguments: Any, **options: Any) -> np.ndarray:
        self._exchange(self.parameters)
        dstate = super().backward(*arguments, **options)
        self._exchange(self.parameters)
        self._exchange(self.gradient)
        return dstate


class ModelsWithPeepholesExchanged:
    """Models of an engine."""

    kernel = None
    Engine = PeepholesExchanged


def test_a_model_whose_gates_have_each_others_peepholes() -> None:
    (check,) = (c for c in Verification().checks if (c.section, c.name) == ("models", "lstm peephole"))
    rows = check.rows(both(ModelsWithPeepholesExchanged()))
    assert verdicts(rows) == {"twin": True, "differences": True, "textbook": False}
    assert all({"loss", "logits", "state", "gates"} == set(row.errors) for row in rows if row.reference == "textbook")
