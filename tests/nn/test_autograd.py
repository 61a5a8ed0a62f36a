"""Every cell and option written down once more in PyTorch, whose autograd then knows the gradients.

For the cells that PyTorch itself does not have: peepholes, coupled and forced gates, the reset
before the product, recurrent masks. Only the forward equations stand here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_ext.engine.config import LayerConfig
from lstm_ext.engine.interface import EngineModule
from lstm_ext.verify import CELLS
from lstm_ext.verify.cases import LayerCase, random_layer
from lstm_ext.verify.checks import relative_errors

torch = pytest.importorskip("torch")


def step(config: LayerConfig, W: Any, b: Any, p: Any, hx: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """h and c after one step; W (G·H, H+D), hx: what W meets, (B, H+D)."""
    H, sigmoid, tanh, force = config.hidden_size, torch.sigmoid, torch.tanh, config.force
    if config.cell == "rnn":
        return tanh(hx @ W.T + b), c
    blocks = [slice(k * H, (k + 1) * H) for k in range(4)]
    if config.cell == "gru":
        r, z = (sigmoid(hx @ W[k].T + b[k]) for k in blocks[:2])
        Wn, bn, seen, x = W[blocks[2]], b[blocks[2]], hx[:, :H], hx[:, H:]
        if config.reset_after:
            n = tanh(x @ Wn[:, H:].T + bn + r * (seen @ Wn[:, :H].T + b[blocks[3]]))
        else:
            n = tanh(torch.cat([r * seen, x], dim=1) @ Wn.T + bn)
        return (1 - z) * h + z * n, c
    a_i, a_f, a_g, a_o = (hx @ W[k].T + b[k] for k in blocks)
    p_i, p_f, p_o = (0, 0, 0) if p is None else p
    f = torch.full_like(c, force["forget"]) if "forget" in force else sigmoid(a_f + p_f * c)
    i = 1 - f if config.coupled else sigmoid(a_i + p_i * c)
    i = torch.full_like(c, force["input"]) if "input" in force else i
    c = f * c + i * tanh(a_g)
    o = torch.full_like(c, force["output"]) if "output" in force else sigmoid(a_o + p_o * c)
    return o * tanh(c), c


def autograd_results(case: LayerCase) -> dict[str, np.ndarray]:
    names = ("Wt", "b", "peephole", "x", "h0", "c0")
    leaves = {
        name: torch.from_numpy(a.copy()).requires_grad_() for name in names if (a := getattr(case, name)) is not None
    }
    h, c, x, steps = leaves["h0"], leaves.get("c0"), leaves["x"], len(case.x)
    outputs: dict[int, Any] = {}
    for t in reversed(range(steps)) if case.config.reverse else range(steps):
        seen = h if case.recurrent_mask is None else h * torch.from_numpy(case.recurrent_mask)
        new_h, new_c = step(
            case.config, leaves["Wt"].T, leaves["b"], leaves.get("peephole"), torch.cat([seen, x[t]], dim=1), h, c
        )
        there = torch.tensor([case.lengths is None or t < case.lengths[lane] for lane in range(len(h))])[:, None]
        h, c = torch.where(there, new_h, h), None if c is None else torch.where(there, new_c, c)
        outputs[t] = h
    loss = sum((outputs[t] * torch.from_numpy(case.dh[t])).sum() for t in range(steps))
    loss = loss + (h * torch.from_numpy(case.dh_T)).sum()
    if c is not None:
        loss = loss + (c * torch.from_numpy(case.dc_T)).sum()
    loss.backward()
    short = {"Wt": "dW", "peephole": "dp"}
    gradients = {short.get(name, f"d{name}"): leaf.grad for name, leaf in leaves.items()}
    # A gate that is not used has no gradient there; here it is 0.
    return {name: np.zeros_like(case.peephole) if g is None else g.numpy() for name, g in gradients.items()}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("reverse", [False, True], ids=["", "reverse"])
@pytest.mark.parametrize("lengths", [None, (6, 0, 4)], ids=["", "lengths"])
@pytest.mark.parametrize("masked", [False, True], ids=["", "mask"])
def test_gradients_are_those_of_autograd(
    engine: EngineModule, name: str, reverse: bool, lengths: tuple[int, ...] | None, masked: bool
) -> None:
    config = LayerConfig(input_size=5, hidden_size=19, reverse=reverse, **CELLS[name])
    case = random_layer(config, 6, 3, lengths=lengths, masked=masked, seed=8)
    errors = relative_errors(case.results(engine), autograd_results(case))
    assert set(errors) >= {"dW", "db", "dx", "dh0"}
    assert ("dp" in errors, "dc0" in errors) == (config.peephole, config.cell == "lstm")
    assert all(error <= 1e-12 for error in errors.values()), errors
