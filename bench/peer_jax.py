"""JAX as a contender: the whole step compiled, a lax.scan over time.

Tried, and slower on a CPU: one-hot products instead of gathering the symbols' rows, unrolling the
scan, asynchronous dispatch, a call for each step instead of a scan over a round's steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lstm_ext.engine.config import ModelConfig

from .problem import LEARNING_RATE, OPTIMIZER, Problem
from .rows import SAMPLE_LENGTH

#: Per layer U (H, G·H), W (D, G·H), b (G·H,) and for ``reset_after`` b_hn (H,); then W (H, V), b (V,).
Parameters = list[dict[str, Array]]
#: Per layer (h, c) or (h,), each (B, H).
State = list[tuple[Array, ...]]

with contextlib.suppress(AttributeError):  # older versions have only this way
    jax.config.update("jax_cpu_enable_async_dispatch", False)


def _lstm(p: dict[str, Array], state: tuple[Array, ...], a: Array) -> tuple[tuple[Array, ...], Array]:
    h, c = state
    i, f, g, o = jnp.split(a + h @ p["U"], 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _gru(p: dict[str, Array], state: tuple[Array, ...], a: Array) -> tuple[tuple[Array, ...], Array]:
    (h,) = state
    width = 2 * h.shape[-1]
    r, z = jnp.split(jax.nn.sigmoid(a[:, :width] + h @ p["U"][:, :width]), 2, axis=-1)
    n = jnp.tanh(a[:, width:] + (r * h) @ p["U"][:, width:])
    h = (1 - z) * h + z * n
    return (h,), h


def _gru_reset_after(p: dict[str, Array], state: tuple[Array, ...], a: Array) -> tuple[tuple[Array, ...], Array]:
    (h,) = state
    a_r, a_z, a_n = jnp.split(a, 3, axis=-1)
    u_r, u_z, u_n = jnp.split(h @ p["U"], 3, axis=-1)
    r, z = jax.nn.sigmoid(a_r + u_r), jax.nn.sigmoid(a_z + u_z)
    h = (1 - z) * h + z * jnp.tanh(a_n + r * (u_n + p["b_hn"]))
    return (h,), h


def _rnn(p: dict[str, Array], state: tuple[Array, ...], a: Array) -> tuple[tuple[Array, ...], Array]:
    (h,) = state
    h = jnp.tanh(a + h @ p["U"])
    return (h,), h


def _cell(config: ModelConfig) -> Callable[..., Any]:
    return {"lstm": _lstm, "gru": _gru_reset_after if config.reset_after else _gru, "rnn": _rnn}[config.cell]


def _loss(
    cell: Callable[..., Any], parameters: Parameters, state: State, inputs: Array, targets: Array
) -> tuple[Array, State]:
    *layers, output = parameters
    final: State = []
    x = inputs
    for index, (p, s) in enumerate(zip(layers, state, strict=True)):
        a = (x @ p["W"] if index else p["W"][x]) + p["b"]
        s, x = jax.lax.scan(partial(cell, p), s, a)
        final.append(s)
    log_p = jax.nn.log_softmax(x @ output["W"] + output["b"])
    return -jnp.take_along_axis(log_p, targets[..., None], axis=-1).mean(), final


def _step(
    cell: Callable[..., Any], carry: tuple[Any, ...], batch: tuple[Array, Array]
) -> tuple[tuple[Any, ...], Array]:
    """Gradient, clipping by the global norm, and Adam."""
    parameters, m, s, state, t = carry
    (loss, state), g = jax.value_and_grad(partial(_loss, cell), has_aux=True)(parameters, state, *batch)
    o = OPTIMIZER
    norm = jnp.sqrt(sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(g)))
    scale = jnp.minimum(1.0, o.clip_norm / norm)
    t = t + 1
    g = jax.tree.map(lambda g: g * scale, g)
    m = jax.tree.map(lambda m, g: o.beta1 * m + (1 - o.beta1) * g, m, g)
    s = jax.tree.map(lambda s, g: o.beta2 * s + (1 - o.beta2) * g * g, s, g)
    c1, c2 = 1 / (1 - o.beta1**t), 1 / (1 - o.beta2**t)
    parameters = jax.tree.map(
        lambda p, m, s: p - LEARNING_RATE * (m * c1) / (jnp.sqrt(s * c2) + o.eps), parameters, m, s
    )
    return (parameters, m, s, state, t), loss


class JaxTrainer:
    """A whole round is one call, whose arguments are donated: it works in place."""

    same_parameters = True

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        cell = _cell(problem.config)
        self._gradient = jax.jit(jax.value_and_grad(partial(_loss, cell), has_aux=True))
        self._round = jax.jit(partial(jax.lax.scan, partial(_step, cell)), donate_argnums=0)
        parameters = _parameters(problem)
        m, s = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        self._carry = (parameters, m, s, _state(problem), jnp.float32(0))
        self._batches = (jnp.asarray(problem.inputs), jnp.asarray(problem.targets))

    def loss_and_gradients(self) -> tuple[float, dict[str, np.ndarray]]:
        problem = self._problem
        batch = (jnp.asarray(problem.inputs[0]), jnp.asarray(problem.targets[0]))
        (loss, _), gradients = self._gradient(_parameters(problem), _state(problem), *batch)
        *layers, output = ({name: np.asarray(g) for name, g in group.items()} for group in gradients)
        found = {}
        for index, g in enumerate(layers):
            found[f"layers.{index}.Wt"] = np.concatenate([g["U"], g["W"]])
            found[f"layers.{index}.b"] = np.concatenate([g["b"], g["b_hn"]]) if "b_hn" in g else g["b"]
        return float(loss), found | {"output.W": output["W"].T, "output.b": output["b"]}

    def train(self) -> np.ndarray:
        self._carry, losses = self._round(self._carry, self._batches)
        return np.asarray(losses)


def _sample_step(
    cell: Callable[..., Any], parameters: Parameters, carry: tuple[Any, ...], *, greedy: bool
) -> tuple[tuple[Any, ...], Array]:
    state, symbol, key = carry
    *layers, output = parameters
    new: State = []
    x = symbol[None]
    for index, (p, s) in enumerate(zip(layers, state, strict=True)):
        s, x = cell(p, s, (x @ p["W"] if index else p["W"][x]) + p["b"])
        new.append(s)
    logits = (x @ output["W"] + output["b"])[0]
    key, now = jax.random.split(key)
    symbol = (jnp.argmax(logits) if greedy else jax.random.categorical(now, logits)).astype(jnp.int32)
    return (new, symbol, key), symbol


class JaxSampler:
    """``scan``: all characters in one compiled call; otherwise a call per character, each looked at."""

    def __init__(self, problem: Problem, *, scan: bool = False) -> None:
        self._scan = scan
        self._problem = problem
        self._step = partial(_sample_step, _cell(problem.config))
        self._parameters = _parameters(problem)
        self._carry = self._start()
        self._draw = jax.jit(self._pieces(SAMPLE_LENGTH if scan else 1, greedy=False), donate_argnums=1)

    def greedy(self, length: int) -> np.ndarray:
        pieces = jax.jit(self._pieces(length if self._scan else 1, greedy=True))
        carry, drawn = self._start(), []
        for _ in range(1 if self._scan else length):
            carry, symbols = pieces(self._parameters, carry)
            drawn.append(np.asarray(symbols))
        return np.concatenate(drawn)

    def draw(self) -> None:
        for _ in range(1 if self._scan else SAMPLE_LENGTH):
            self._carry, symbols = self._draw(self._parameters, self._carry)
            symbols.block_until_ready()

    def _start(self) -> tuple[Any, ...]:
        return _state(self._problem), jnp.int32(0), jax.random.key(0)

    def _pieces(self, length: int, *, greedy: bool) -> Callable[..., Any]:
        def draw(parameters: Parameters, carry: tuple[Any, ...]) -> tuple[tuple[Any, ...], Array]:
            if length == 1:
                carry, symbol = self._step(parameters, carry, greedy=greedy)
                return carry, symbol[None]
            carry, symbols = jax.lax.scan(lambda c, _: self._step(parameters, c, greedy=greedy), carry, length=length)
            return carry, symbols

        return draw


def _parameters(problem: Problem) -> Parameters:
    weights = problem.weights()
    h = problem.config.hidden_size
    found: list[dict[str, np.ndarray]] = []
    for index, layer in enumerate(problem.config.layers()):
        Wt, b = weights[f"layers.{index}.Wt"], weights[f"layers.{index}.b"]
        rows = layer.blocks * h
        arrays = {"U": Wt[:h], "W": Wt[h:], "b": b[:rows]}
        found.append(arrays | ({"b_hn": b[rows:]} if layer.reset_after else {}))
    found.append({"W": weights["output.W"].T, "b": weights["output.b"]})
    return [{name: _on_device(array) for name, array in group.items()} for group in found]


def _state(problem: Problem) -> State:
    return [tuple(_on_device(array) for array in arrays) for arrays in problem.state]


def _on_device(array: np.ndarray) -> Array:
    """A copy, because donated memory cannot be NumPy's."""
    return jnp.array(np.ascontiguousarray(array))
