"""What the gradient-flow experiment measures."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.interface import EngineModule
from lstm_ext.experiments.gradient_flow import flow


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_flow_is_the_gradient_at_every_step(engine: EngineModule, cell: str) -> None:
    """Moves h_t and C_t by hand, runs the rest, and looks at the loss."""
    rng = np.random.default_rng(4)
    layer = LayerConfig(cell, 3, 5)
    shapes = layer.parameter_shapes()
    weights = Weights(rng.standard_normal(shapes["Wt"]), rng.standard_normal(shapes["b"]))
    x, dh_last = rng.standard_normal((7, 2, 3)), rng.standard_normal((2, 5))
    dh, dc, forget = flow(engine, layer, weights, x, dh_last)
    acts = engine.layer_forward(layer, weights, x, np.zeros((layer.state_arrays, 2, 5)))

    def loss(t: int, h: np.ndarray, c: np.ndarray | None) -> float:
        state = np.stack([h] if c is None else [h, c])
        return float(np.sum(dh_last * engine.layer_forward(layer, weights, x[t + 1 :], state).h[-1]))

    eps, move = 1e-6, np.zeros((2, 5))
    move[1, 3] = eps
    for t in (0, 4):
        h, c = acts.h[t + 1], None if acts.c is None else acts.c[t + 1]
        slope = (loss(t, h + move, c) - loss(t, h - move, c)) / (2 * eps)
        assert dh[t, 1, 3] == pytest.approx(slope, rel=1e-6, abs=1e-9)
        if c is not None and dc is not None:
            o = acts.blocks["o"][t]
            up, down = (loss(t, o * np.tanh(c + sign * move), c + sign * move) for sign in (1, -1))
            assert dc[t, 1, 3] == pytest.approx((up - down) / (2 * eps), rel=1e-6, abs=1e-9)
    np.testing.assert_array_equal(dh[-1], dh_last)
    assert (forget is None) == (dc is None) == (cell != "lstm")


def test_gradient_flow_of_an_open_forget_gate_is_the_product_of_gates() -> None:
    """Without any way through h (U = 0), the direct part is all there is."""
    layer = LayerConfig("lstm", 3, 4)
    rng = np.random.default_rng(1)
    Wt, b = np.zeros(layer.parameter_shapes()["Wt"]), np.zeros(16)
    Wt[4:] = rng.standard_normal((3, 16))
    x, dh_last = rng.standard_normal((6, 2, 3)), rng.standard_normal((2, 4))
    dh, dc, forget = flow(engine_module(), layer, Weights(Wt, b), x, dh_last)
    assert dc is not None and forget is not None and not dh[:-1].any()
    np.testing.assert_allclose(dc[1], dc[-1] * forget[2:].prod(axis=0))
