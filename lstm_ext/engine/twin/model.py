"""Layers stacked into a model, in NumPy: forward, loss, backward, training and sampling."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ...cells.activations import Activations
from ...cells.config import Weights
from ...cells.functions import quiet
from ...errors import ArgumentError, NonFiniteError, StateError
from .. import rng
from ..config import ModelConfig, OptimizerConfig
from ..interface import BUSY, Training, TrainResult
from ..stop import StopFlag
from .layers import layer_backward, layer_forward
from .optimizers import optimizer_step
from .sampling import draw

_F = TypeVar("_F", bound=Callable[..., Any])


def _alone(method: _F) -> _F:
    """A decorator of methods that one thread at a time may be in."""

    @functools.wraps(method)
    def call(self: Engine, *args: Any, **keywords: Any) -> Any:
        with self.held():
            return method(self, *args, **keywords)

    return call  # type: ignore[return-value]


@dataclass
class _Forward:
    """What one forward pass keeps."""

    logits: np.ndarray  # (T, B, V)
    top: np.ndarray  # (T, B, H), what the softmax layer saw
    layers: list[Activations]  # empty if not kept
    masks: list[np.ndarray]  # per layer (T, B, H); empty without dropout
    targets: np.ndarray | None = None


class Engine:
    """``lstm_ext.engine.interface.Engine`` in NumPy; ``threads`` is left to NumPy's BLAS.

    Wrong shapes, dtypes and symbols raise ArgumentError; ``logits``, ``activations`` and ``backward`` without the
    forward pass that they need raise StateError.
    """

    def __init__(self, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int = 1) -> None:
        for name, array in (("parameters", parameters), ("gradient", gradient)):
            fits = array.shape == (config.num_parameters,) and array.dtype == config.dtype
            if not (fits and array.flags.writeable):
                raise ArgumentError(
                    f"{name}: got {array.dtype} {array.shape}, "
                    f"expected {config.dtype} ({config.num_parameters},), writable"
                )
        self.config = config
        self.parameters = parameters
        self.gradient = gradient
        self._layers = config.layers()
        self._weights = _views(config, parameters)
        self._gradients = _views(config, gradient)
        self._last: _Forward | None = None
        self._loss = math.nan  # of the last forward
        self._lock = threading.RLock()  # never waited for

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise StateError(BUSY)
        try:
            yield
        finally:
            self._lock.release()

    # ------------------------------------------------------------------ forward

    @_alone
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
        self._last = None  # frees its memory before as much is asked for again
        self._last = self._run(inputs, state, dropout_key, keep)
        self._last.targets = targets
        self._loss = math.nan if targets is None else _cross_entropy(self._last.logits, targets)
        return self._loss

    def _run(self, inputs: np.ndarray, state: np.ndarray, dropout_key: int | None, keep: bool) -> _Forward:
        layers, masks = [], []
        x = inputs
        for index, layer in enumerate(self._layers):
            acts = layer_forward(layer, Weights(**self._weights[index]), x, state[index])
            state[index] = acts.final_state
            x = acts.output
            if dropout_key is not None and self.config.dropout > 0:
                mask = rng.dropout_mask(dropout_key, index, self.config.dropout, x.shape, x.dtype)
                x = x * mask
                masks.append(mask)
            if keep:
                layers.append(acts)
        w = self._weights[-1]
        logits: np.ndarray = (x.reshape(-1, x.shape[2]) @ w["W"].T + w["b"]).reshape(*inputs.shape, -1)
        return _Forward(logits, x, layers, masks)

    @_alone
    def logits(self) -> np.ndarray:
        if self._last is None:
            raise StateError("logits: there was no forward pass yet")
        logits: np.ndarray = self._last.logits.copy()
        return logits

    @_alone
    def activations(self, layer: int) -> Activations:
        if self._last is None or not self._last.layers:
            raise StateError("activations: there was no forward pass that kept them")
        if not -len(self._layers) <= layer < len(self._layers):
            raise ArgumentError(f"layer: got {layer!r}, expected one of {len(self._layers)}, counted from 0")
        acts = self._last.layers[layer]
        return dataclasses.replace(
            acts,
            x=None,
            h=acts.h.copy(),
            c=None if acts.c is None else acts.c.copy(),
            gates=acts.gates.copy(),
            extra=None if acts.extra is None else acts.extra.copy(),
        )

    # ----------------------------------------------------------------- backward

    @_alone
    @quiet
    def backward(self, dstate: np.ndarray | None = None, *, dlogits: np.ndarray | None = None) -> np.ndarray:
        last = self._last
        if last is None or not last.layers:
            raise StateError("backward: there was no forward pass that kept its activations")
        if dlogits is None:
            if last.targets is None:
                raise StateError("backward: the last forward pass had no targets")
            dlogits = _cross_entropy_gradient(last.logits, last.targets)

        # logits = W·top + b
        rows, top = dlogits.reshape(-1, self.config.output_size), last.top
        weights, gradients = self._weights[-1], self._gradients[-1]
        np.matmul(rows.T, top.reshape(len(rows), -1), out=gradients["W"])
        rows.sum(axis=0, out=gradients["b"])
        dh: np.ndarray = (rows @ weights["W"]).reshape(top.shape)

        dstate0 = np.empty(self.config.state_shape(top.shape[1]), top.dtype)
        for index in reversed(range(len(self._layers))):
            if last.masks:
                dh *= last.masks[index]
            dfinal = None if dstate is None else dstate[index]
            grads = layer_backward(Weights(**self._weights[index]), last.layers[index], dh, dfinal)
            for name, gradient in self._gradients[index].items():
                gradient[...] = getattr(grads, "d" + name)
            dstate0[index] = grads.dstate
            if grads.dx is not None:  # None only at the bottom, where symbols came in
                dh = grads.dx
        return dstate0

    # ----------------------------------------------------------------- training

    @_alone
    def update(self, optimizer: OptimizerConfig, moments: np.ndarray, step: int, lr: float) -> float:
        try:
            return optimizer_step(self.parameters, self.gradient, moments, optimizer, step, lr)
        except NonFiniteError as error:
            raise NonFiniteError(step, self._loss, error.norm) from None

    @_alone
    def train(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        training: Training,
        stop: StopFlag | None = None,
    ) -> TrainResult:
        losses, norms = np.empty(len(inputs)), np.empty(len(inputs))
        before = np.empty_like(state)
        done = 0
        while done < len(inputs) and not (stop is not None and stop.is_set()):
            step = training.first_step + done
            before[...] = state
            try:
                loss = self.forward(
                    inputs[done], targets[done], state, dropout_key=rng.dropout_key(training.dropout_seed, step)
                )
                if not math.isfinite(loss):
                    raise NonFiniteError(step, loss, math.nan)
                self.backward()
                norms[done] = self.update(training.optimizer, training.moments, step, training.lrs[done])
            except NonFiniteError:
                state[...] = before
                raise
            losses[done] = loss
            done += 1
        self._last = None  # as in C, where training keeps nothing to look at
        return TrainResult(done, losses[:done], norms[:done])

    # ----------------------------------------------------------------- sampling

    @_alone
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
        if self.config.output_size > self.config.input_size:
            raise ArgumentError(
                f"sample: got a model with {self.config.output_size} outputs for {self.config.input_size} inputs, "
                "expected that each symbol drawn can be fed back"
            )
        feed = np.full((1, 1), symbol, dtype=np.int32)
        self._check(feed, None, state)
        drawn = np.empty(length, dtype=np.int32)
        for n, u in enumerate(rng.uniforms(seed, offset, length)):
            logits = self._run(feed, state, dropout_key=None, keep=False).logits
            feed[0, 0] = drawn[n] = draw(logits[0, 0], u, temperature, top_k, top_p)
        return drawn

    def _check(self, inputs: np.ndarray, targets: np.ndarray | None, state: np.ndarray) -> None:
        """Refuse what NumPy would accept silently: symbol −1 is its last row, and a short state broadcasts."""
        if inputs.ndim != 2 or not inputs.size or inputs.dtype.kind not in "iu":
            raise ArgumentError(
                f"inputs: got {inputs.dtype} {inputs.shape}, expected integers (T, B), T and B at least 1"
            )
        low, high = inputs.min(), inputs.max()
        if low < 0 or high >= self.config.input_size:
            raise ArgumentError(f"inputs: got symbols from {low} to {high}, expected [0, {self.config.input_size})")
        if targets is not None:
            low, high = targets.min(), targets.max()
            if targets.shape != inputs.shape or low < -1 or high >= self.config.output_size:
                raise ArgumentError(
                    f"targets: got {targets.shape}, symbols from {low} to {high}, "
                    f"expected {inputs.shape} and [-1, {self.config.output_size})"
                )
        expected = self.config.state_shape(inputs.shape[1])
        if state.shape != expected or not state.flags.writeable:
            raise ArgumentError(f"state: got shape {state.shape}, expected {expected}, writable")


def _views(config: ModelConfig, flat: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Per layer, and last for the output layer, the named parameters as views of ``flat``."""
    views: list[dict[str, np.ndarray]] = [{} for _ in range(config.num_layers + 1)]
    for name, view in config.parameter_views(flat).items():
        owner, short = name.rsplit(".", 1)
        views[-1 if owner == "output" else int(owner.split(".")[1])][short] = view
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
    d: np.ndarray = logits - logits.max(axis=2, keepdims=True)
    np.exp(d, out=d)
    d /= d.sum(axis=2, keepdims=True)
    steps, lanes = np.nonzero(targets >= 0)
    d[steps, lanes, targets[steps, lanes]] -= 1
    d[targets < 0] = 0
    d /= max(len(steps), 1)
    return d
