"""The NumPy twin of the C core: the same functions with the same arguments, written to be read.

It is what the core is proved against, and the engine where no C compiler was to be had. What a
layer computes is in ``twin_layers``; this file stacks layers into a model and trains it. The
interface, with every argument's shape, is described in ``engine``.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from . import rng, twin_optimizers
from .activations import Activations
from .config import ModelConfig, OptimizerConfig
from .engine import TrainResult
from .errors import NonFiniteError
from .stop import StopFlag
from .twin_layers import layer_backward, layer_forward, quiet, sigmoid
from .twin_sampling import draw

__all__ = ["Engine", "layer_backward", "layer_forward", "sigmoid"]


class Engine:
    """See ``engine.Engine``. ``threads`` is for NumPy's BLAS to decide."""

    def __init__(
        self, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int = 1
    ) -> None:
        for name, array in (("parameters", parameters), ("gradient", gradient)):
            if array.shape != (config.num_parameters,) or array.dtype != config.dtype:
                raise ValueError(
                    f"{name}: got {array.dtype} {array.shape}, expected {config.dtype} ({config.num_parameters},)"
                )
        self.config = config
        self.parameters = parameters
        self.gradient = gradient
        self._layers = config.layers()
        self._weights = _views(config, parameters)
        self._gradients = _views(config, gradient)
        self._loss = math.nan
        self._targets: np.ndarray | None = None
        self._logits: np.ndarray | None = None
        self._top: np.ndarray | None = None  # (T, B, H), what the softmax layer saw
        self._acts: list[Activations] = []
        self._masks: list[np.ndarray] = []  # per layer (T, B, H), or none without dropout

    # ------------------------------------------------------------------ forward

    @quiet
    def forward(
        self,
        inputs: np.ndarray,
        targets: np.ndarray | None,
        state: np.ndarray,
        *,
        dropout_key: int | None = None,
        keep: bool = True,
    ) -> float:
        self._check(inputs, targets, state)
        self._acts, self._masks, self._top, self._targets = [], [], None, targets
        x = inputs
        for index, layer in enumerate(self._layers):
            w = self._weights[index]
            c0 = state[index, 1] if len(state[index]) == 2 else None
            acts = layer_forward(layer, w["Wt"], w["b"], w.get("peephole"), x, None, state[index, 0], c0)
            state[index, 0] = acts.h[-1]
            if acts.c is not None:
                state[index, 1] = acts.c[-1]
            x = acts.output
            if dropout_key is not None and self.config.dropout > 0:
                mask = rng.dropout_mask(dropout_key, index, self.config.dropout, x.shape, x.dtype)
                x = x * mask
                self._masks.append(mask)
            if keep:
                self._acts.append(acts)
        if keep:
            self._top = x
        w = self._weights[-1]
        self._logits = (x.reshape(-1, x.shape[2]) @ w["W"].T + w["b"]).reshape(*inputs.shape, -1)
        self._loss = math.nan if targets is None else _cross_entropy(self._logits, targets)
        return self._loss

    def logits(self) -> np.ndarray:
        if self._logits is None:
            raise RuntimeError("logits: there was no forward pass yet")
        return self._logits.copy()

    def activations(self, layer: int) -> Activations:
        if not self._acts:
            raise RuntimeError("activations: there was no forward pass that kept them")
        acts = self._acts[layer]
        return dataclasses.replace(
            acts,
            x=None,
            h=acts.h.copy(),
            c=None if acts.c is None else acts.c.copy(),
            gates=acts.gates.copy(),
            extra=None if acts.extra is None else acts.extra.copy(),
        )

    # ----------------------------------------------------------------- backward

    @quiet
    def backward(self, dstate: np.ndarray | None = None, *, dlogits: np.ndarray | None = None) -> np.ndarray:
        if self._top is None or self._logits is None or (dlogits is None and self._targets is None):
            raise RuntimeError("backward: there was no forward pass with targets that kept its activations")
        if dlogits is None and self._targets is not None:
            dlogits = _cross_entropy_gradient(self._logits, self._targets)
        assert dlogits is not None
        # logits = W·top + b
        rows = dlogits.reshape(-1, self.config.output_size)
        w, gradients = self._weights[-1], self._gradients[-1]
        np.matmul(rows.T, self._top.reshape(len(rows), -1), out=gradients["W"])
        rows.sum(axis=0, out=gradients["b"])
        dh = (rows @ w["W"]).reshape(self._top.shape)

        batch_size = dh.shape[1]
        dstate0 = np.empty(self.config.state_shape(batch_size), dh.dtype)
        for index in reversed(range(len(self._layers))):
            w, gradients = self._weights[index], self._gradients[index]
            if self._masks:
                dh *= self._masks[index]
            dfinal = (None, None) if dstate is None else (dstate[index, 0], dstate[index, -1])
            grads = layer_backward(
                self._layers[index], w["Wt"], w["b"], w.get("peephole"), self._acts[index], dh, dfinal[0], dfinal[1]
            )
            for name, gradient in gradients.items():
                gradient[...] = grads["d" + name]
            dstate0[index, 0] = grads["dh0"]
            if "dc0" in grads:
                dstate0[index, 1] = grads["dc0"]
            if index > 0:
                dh = grads["dx"]
        return dstate0

    # ----------------------------------------------------------------- training

    @quiet
    def update(self, optimizer: OptimizerConfig, moments: np.ndarray, step: int, lr: float) -> float:
        norm = twin_optimizers.global_norm(self.gradient)
        if not math.isfinite(norm):
            raise NonFiniteError(step, self._loss, norm)
        g = twin_optimizers.clipped(self.gradient, norm, optimizer.clip_value, optimizer.clip_norm)
        twin_optimizers.apply(optimizer, self.parameters, g, moments, step, float(lr))
        return norm

    def train(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        optimizer: OptimizerConfig,
        moments: np.ndarray,
        first_step: int,
        lrs: np.ndarray,
        dropout_seed: int,
        stop: StopFlag | None = None,
    ) -> TrainResult:
        losses, norms = np.empty(len(inputs)), np.empty(len(inputs))
        before = np.empty_like(state)
        done = 0
        while done < len(inputs) and not (stop is not None and stop.is_set()):
            step = first_step + done
            before[...] = state
            try:
                loss = self.forward(
                    inputs[done], targets[done], state, dropout_key=rng.dropout_key(dropout_seed, step)
                )
                if not math.isfinite(loss):
                    raise NonFiniteError(step, loss, math.nan)
                self.backward()
                norms[done] = self.update(optimizer, moments, step, lrs[done])
            except NonFiniteError:
                state[...] = before
                raise
            losses[done] = loss
            done += 1
        return TrainResult(done, losses[:done], norms[:done])

    # ----------------------------------------------------------------- sampling

    @quiet
    def sample(
        self,
        state: np.ndarray,
        symbol: int,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        offset: int = 0,
    ) -> np.ndarray:
        drawn = np.empty(length, dtype=np.int32)
        feed = np.full((1, 1), symbol, dtype=np.int32)
        for n, u in enumerate(rng.uniforms(seed, offset, length)):
            self.forward(feed, None, state, keep=False)
            assert self._logits is not None
            feed[0, 0] = drawn[n] = draw(self._logits[0, 0], u, temperature, top_k, top_p)
        return drawn

    def _check(self, inputs: np.ndarray, targets: np.ndarray | None, state: np.ndarray) -> None:
        """What NumPy would let pass in silence: a symbol of −1 is its last row, a short state broadcasts."""
        low, high = inputs.min(), inputs.max()
        if low < 0 or high >= self.config.input_size:
            raise ValueError(f"inputs: got symbols from {low} to {high}, expected [0, {self.config.input_size})")
        if targets is not None:
            low, high = targets.min(), targets.max()
            if targets.shape != inputs.shape or low < -1 or high >= self.config.output_size:
                raise ValueError(
                    f"targets: got {targets.shape}, symbols from {low} to {high}, "
                    f"expected {inputs.shape} and [-1, {self.config.output_size})"
                )
        expected = self.config.state_shape(inputs.shape[1])
        if state.shape != expected:
            raise ValueError(f"state: got shape {state.shape}, expected {expected}")


def _views(config: ModelConfig, flat: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Per layer, and last for the output layer, the named parameters as views of ``flat``."""
    views: list[dict[str, np.ndarray]] = [{} for _ in range(config.num_layers + 1)]
    start = 0
    for name, shape in config.parameter_shapes().items():
        size = math.prod(shape)
        owner, short = name.rsplit(".", 1)
        index = -1 if owner == "output" else int(owner.split(".")[1])
        views[index][short] = flat[start : start + size].reshape(shape)
        start += size
    return views


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean of −ln softmax(logits)[target] over the targets ≥ 0, in nats; 0 if there are none."""
    counted = targets >= 0
    if not counted.any():
        return 0.0
    rows = logits[counted]  # (N, V)
    largest = rows.max(axis=1)  # taken out so that no exponential overflows
    exponentials = np.exp(rows - largest[:, None])
    right = np.take_along_axis(rows, targets[counted][:, None], axis=1)[:, 0]
    nats = np.log(exponentials.sum(axis=1, dtype=np.float64)) + (largest.astype(np.float64) - right)
    return float(nats.mean())


def _cross_entropy_gradient(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(T, B, V): (softmax(logits) − one-hot target) / counted where there is a target, else 0."""
    d = logits - logits.max(axis=2, keepdims=True)
    np.exp(d, out=d)
    d /= d.sum(axis=2, keepdims=True)
    steps, lanes = np.nonzero(targets >= 0)
    d[steps, lanes, targets[steps, lanes]] -= 1
    d[targets < 0] = 0
    d /= max(len(steps), 1)
    return d
