"""The cases of ``verify`` once more, computed by PyTorch. Importing this raises ImportError without it.

Its gates come in our order, its weights apart (weight_ih, weight_hh) and its biases twice, of which
only a GRU's candidate needs both. Its GRU is ours with ``reset_after`` and the other sign of z:
h = (1−z)⊙n + z⊙h' there, so W_z and b_z are negated. Its layers give back no gates.

It has no peepholes, no coupled and no forced gates, and no GRU that resets before the product.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import numpy as np
import torch

from ..cells import CELLS
from ..cells.config import LayerConfig
from ..engine import rng
from .cases import LayerCase, ModelCase, Results, UpdateCase, parameter_gradients, parameter_views

VERSION: str = torch.__version__


def has_counterpart(options: Mapping[str, Any]) -> bool:
    """Whether PyTorch has a cell with these of ``LayerConfig``'s options."""
    config = LayerConfig(input_size=1, hidden_size=1, **options)
    return not CELLS[config.cell].lacking(config, "PyTorch")


P = ParamSpec("P")


def _in_one_thread(function: Callable[P, Results]) -> Callable[P, Results]:
    """PyTorch's threads wait for their next work by spinning, which costs others more than it helps here."""

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> Results:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return function(*args, **kwargs)
        finally:
            torch.set_num_threads(before)

    return alone


@_in_one_thread
def layer_results(case: LayerCase) -> Results:
    """h with its initial slot, as ``Activations`` has it, and every gradient."""
    arguments = {"x": case.x, "Wt": case.weights.Wt, "b": case.weights.b, "h0": case.state[0]}
    if len(case.state) == 2:
        arguments["c0"] = case.state[1]
    leaves = {name: _leaf(array) for name, array in arguments.items()}
    x, config = leaves["x"], case.config
    states: dict[str, list[Any]] = {"h": [], "c": []}
    loss = torch.zeros((), dtype=leaves["Wt"].dtype)
    for lane in range(case.dh.shape[1]):
        steps = len(case.dh) if case.lengths is None else int(case.lengths[lane])
        one = slice(lane, lane + 1)
        h, c = leaves["h0"][one], leaves["c0"][one] if "c0" in leaves else None
        output = h.expand(0, -1, -1)
        first = h
        if steps:
            output, h, c = _layer(config, leaves["Wt"], leaves["b"], x[:steps, one], h, c)
        # Steps past the end leave the state alone: going forward the last one stays, in reverse the first.
        rest = (first if config.reverse else h).expand(len(case.dh) - steps, -1, -1)
        output = torch.cat([output, rest])
        states["h"].append(torch.cat([output, first[None]] if config.reverse else [first[None], output]))
        loss = loss + (output * torch.from_numpy(case.dh[:, one])).sum()
        for state, gradient in zip((h, c), case.dfinal, strict=False):
            loss = loss + (state * torch.from_numpy(gradient[one])).sum()
    loss.backward()
    results = {"h": torch.cat(states["h"], dim=1).detach().numpy()}
    names = {"Wt": "dW"}
    for name, leaf in leaves.items():
        if leaf.requires_grad:
            results[names.get(name, f"d{name}")] = leaf.grad.numpy()
    return results


@_in_one_thread
def model_results(case: ModelCase) -> Results:
    """As from an engine, without the gates."""
    config = case.config
    weights = {name: _leaf(view) for name, view in parameter_views(config, case.parameters).items()}
    state, final = _leaf(case.state), []
    (steps, batch), H = case.inputs.shape, config.hidden_size
    x: Any = _leaf(case.inputs)
    for k, layer in enumerate(config.layers()):
        h, c = state[k, 0], state[k, 1] if state.shape[1] == 2 else None
        output, h, c = _layer(layer, weights[f"layers.{k}.Wt"], weights[f"layers.{k}.b"], x, h, c)
        final += [h] if c is None else [h, c]
        mask = None
        if case.dropout_key is not None:
            mask = rng.dropout_mask(case.dropout_key, k, config.dropout, (steps, batch, H), case.parameters.dtype)
        x = output if mask is None else output * torch.from_numpy(mask)
    logits = torch.nn.functional.linear(x, weights["output.W"], weights["output.b"])
    targets = torch.from_numpy(case.targets).long().reshape(-1)
    loss = torch.nn.functional.cross_entropy(logits.reshape(len(targets), -1), targets, ignore_index=-1)
    end = torch.stack(final).reshape(state.shape)
    (loss + (end * torch.from_numpy(case.dstate)).sum()).backward()
    gradient = np.concatenate([leaf.grad.numpy().reshape(-1) for leaf in weights.values()])
    return {
        "loss": loss.detach().double().numpy(),
        "logits": logits.detach().numpy(),
        "state": end.detach().numpy(),
        "dstate": state.grad.numpy(),
        **parameter_gradients(config, gradient),
    }


@_in_one_thread
def update_results(case: UpdateCase) -> Results:
    """Parameters after every step by ``torch.optim``. Its own clipping by norm divides by norm + 1e-6,
    which would show here, so the gradient is clipped by hand."""
    o = case.optimizer
    parameter = torch.nn.Parameter(torch.from_numpy(case.parameters.copy()))
    optimizer: Any
    if o.kind == "sgd":
        optimizer = torch.optim.SGD([parameter], momentum=o.momentum)
    elif o.kind == "rmsprop":
        optimizer = torch.optim.RMSprop([parameter], alpha=o.rho, eps=o.eps)
    elif o.kind == "adagrad":
        optimizer = torch.optim.Adagrad([parameter], eps=o.eps)
    else:
        optimizer = torch.optim.Adam([parameter], betas=(o.beta1, o.beta2), eps=o.eps)
    norms = []
    for n, lr in enumerate(case.lrs):
        g = torch.from_numpy(case.gradients[n].copy())
        norms.append(float(g.double().norm()))
        if o.clip_value:
            g.clamp_(-o.clip_value, o.clip_value)
        norm = float(g.double().norm())
        if 0 < o.clip_norm < norm:
            g *= o.clip_norm / norm
        parameter.grad = g
        optimizer.param_groups[0]["lr"] = float(lr)
        optimizer.step()
    results = {"norms": np.array(norms), "parameters": parameter.detach().numpy()}
    return {f"{name} by {way}": array for name, array in results.items() for way in ("update", "optimizer_step")}


def _leaf(array: np.ndarray) -> Any:
    """The array as a tensor whose gradient is wanted, if it is one of floats."""
    tensor = torch.from_numpy(array.copy())
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def _layer(config: LayerConfig, Wt: Any, b: Any, x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
    """Output (T, B, H) and final states of ``torch.nn.LSTM``, ``GRU`` or ``RNN`` with our weights."""
    H, rows = config.hidden_size, config.blocks * config.hidden_size
    there = CELLS[config.cell].counterparts["PyTorch"]
    kind = getattr(torch.nn, there.layer)
    module = kind(config.input_size, H, dtype=Wt.dtype, device="meta")  # "meta": weights without memory, never used
    sign = torch.cat([torch.full((H,), -1.0 if name in there.negated else 1.0) for name in there.order]).to(Wt.dtype)
    b_hh = torch.cat([torch.zeros(rows - len(b[rows:]), dtype=Wt.dtype), b[rows:]])
    weights = {
        "weight_hh_l0": Wt[:H].T * sign[:, None],
        "weight_ih_l0": Wt[H:].T * sign[:, None],
        "bias_ih_l0": b[:rows] * sign,
        "bias_hh_l0": b_hh,
    }
    if x.ndim == 2:
        x = torch.nn.functional.one_hot(x.long(), config.input_size).to(Wt.dtype)
    if config.reverse:
        x = x.flip(0)
    output, final = torch.func.functional_call(module, weights, (x, h[None] if c is None else (h[None], c[None])))
    if config.reverse:
        output = output.flip(0)
    return (output, final[0], None) if c is None else (output, final[0][0], final[1][0])
