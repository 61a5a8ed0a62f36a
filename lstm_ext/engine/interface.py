"""The interface that both engines, the C core (``core``) and the NumPy twin (``twin``), implement.

All arrays are C-contiguous and of one floating dtype, float32 or float64; symbols are int32.
Layout is time-major: (T, B, …). Engines trust what they are given, apart from what keeps memory
safe: shapes, dtypes and symbols that come from users are checked by the layers above.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..cells.activations import Activations
from ..cells.config import LayerConfig, Weights
from .config import ModelConfig, OptimizerConfig
from .stop import StopFlag

#: What the second thread in an engine is told.
BUSY = (
    "this network is in use by another thread, or was when this process was forked; use a copy of it: model.copy(), "
    "of a network in training trainer.best_model(), or work with it between two steps, in trainer.submit(...)"
)


@dataclass(frozen=True)
class LayerGradients:
    """The gradients that a layer's backward pass returns, each of the shape of its array."""

    #: (T, B, D); None if x was symbols.
    dx: np.ndarray | None
    #: (S, B, H), of the state before the first step.
    dstate: np.ndarray
    dWt: np.ndarray
    db: np.ndarray
    dpeephole: np.ndarray | None = None


@dataclass(frozen=True)
class Training:
    """How N steps update the weights."""

    optimizer: OptimizerConfig
    #: (2, P), as for ``Engine.update``.
    moments: np.ndarray
    #: The number of the first of them; the very first step of a run is number 1.
    first_step: int
    #: (N,) float64, each step's learning rate.
    lrs: np.ndarray
    dropout_seed: int


@dataclass(frozen=True, repr=False)
class TrainResult:
    """What ``Engine.train`` did: ``done`` steps, and the loss and gradient norm of each."""

    done: int
    #: (done,) float64, mean nats per counted symbol.
    losses: np.ndarray
    #: (done,) float64, global gradient norm before clipping.
    norms: np.ndarray

    def __repr__(self) -> str:
        losses = f", loss {self.losses[0]:.4g} to {self.losses[-1]:.4g}" if self.done else ""
        return f"<TrainResult: {self.done:,} steps{losses}>"


class Engine(Protocol):
    """A whole model: stacked layers, softmax output, cross-entropy, optimizer and sampling.

    It serves one thread at a time: meanwhile every method raises StateError in every other thread, and in a forked
    child of which that thread is no part.
    """

    def __init__(self, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int = 1) -> None:
        """``parameters`` and ``gradient`` (P,) belong to the caller and are used in place; their
        order is that of ``config.parameter_shapes()``. Raises ArgumentError for another size or dtype."""

    def held(self) -> AbstractContextManager[None]:
        """``with engine.held():`` keeps it for the calling thread, also between the calls of that block."""
        ...

    def forward(
        self,
        inputs: np.ndarray,
        targets: np.ndarray | None,
        state: np.ndarray,
        *,
        dropout_key: int | None = None,
        keep: bool = True,
    ) -> float:
        """Mean nats per counted symbol; 0 if none is counted, NaN without targets.

        ``inputs`` (T, B) symbols; ``targets`` (T, B), −1 = not counted. ``state`` (L, S, B, H) is
        overwritten with the final one. Dropout acts only where there is a ``dropout_key``.
        ``keep=False`` saves memory where neither ``backward`` nor ``activations`` will follow: they
        then raise StateError, as they do where there was no forward at all.
        """
        ...

    def logits(self) -> np.ndarray:
        """(T, B, V) before the softmax, of the last forward; a copy."""
        ...

    def activations(self, layer: int) -> Activations:
        """Gates and states of one layer in the last forward; copies, and x is None."""
        ...

    def backward(self, dstate: np.ndarray | None = None, *, dlogits: np.ndarray | None = None) -> np.ndarray:
        """Fills ``gradient`` and returns d loss / d initial state, (L, S, B, H).

        ``dstate`` is added as the gradient with respect to the final state. ``dlogits``
        (T, B, V) takes the place of the cross-entropy's gradient. Call it once per forward.
        """
        ...

    def update(self, optimizer: OptimizerConfig, moments: np.ndarray, step: int, lr: float) -> float:
        """One optimizer step from ``gradient``; returns the gradient's norm before clipping.

        ``moments`` (2, P): row 0 is sgd's v or adam's m, row 1 the second moment s; unused rows
        stay as they are. ``step`` counts from 1. Raises ``NonFiniteError`` if the norm is not
        finite, and has then changed nothing.
        """
        ...

    def train(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        training: Training,
        stop: StopFlag | None = None,
    ) -> TrainResult:
        """N steps of forward, backward and update, the state carried from each to the next.

        ``inputs``, ``targets`` (N, T, B). Step n is number first_step + n,
        and its dropout masks depend on that number. A ``stop`` that is set meanwhile ends it after the
        current step. At a non-finite loss or gradient it raises NonFiniteError; parameters, moments and
        state are then those from before that step. Training keeps no logits and activations: ``forward``
        computes them again.
        """
        ...

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
        """Feed ``symbol``, draw the next, feed that, and so on; returns (length,) int32.

        ``state`` (L, S, 1, H) is overwritten by the state before the last drawn symbol is fed. What the
        last forward left is not touched. ``temperature`` 0 takes the likeliest. ``top_k`` > 0 keeps the k
        likeliest, ``top_p`` < 1 then the fewest whose probabilities add up to it (nucleus sampling,
        Holtzman et al. 2020). Draw n uses random number offset + n of ``seed``, so a text sampled in
        pieces is the text sampled at once.
        """
        ...


class EngineModule(Protocol):
    """An engine: functions for single layers, flat parameters and matrices, and ``Engine`` for whole models."""

    @property
    def kernel(self) -> str | None:
        """The C core's kernel; None for the twin."""

    def layer_forward(
        self,
        config: LayerConfig,
        weights: Weights,
        x: np.ndarray,
        state: np.ndarray,
        lengths: np.ndarray | None = None,
        recurrent_mask: np.ndarray | None = None,
        reuse: Activations | None = None,
    ) -> Activations:
        """One layer over a sequence.

        x (T, B, D) floats or (T, B) symbols; state (S, B, H), which is not changed; lengths (B,) or None.

        ``recurrent_mask`` (B, H) multiplies h_{t−1} wherever W meets it, the same at every step:
        the recurrent dropout of Gal and Ghahramani 2016. It does not act on what is carried
        without W: c, and the (1−z)⊙h_{t−1} of a GRU.

        ``reuse`` offers the arrays of an older call, whose content is then lost: memory that the system has to
        give anew costs a wide layer 5 % of its time.
        """
        ...

    def layer_backward(
        self, weights: Weights, acts: Activations, dh: np.ndarray, dfinal: np.ndarray | None = None
    ) -> LayerGradients:
        """Gradients of a loss L from dh = ∂L/∂output (T, B, H) and, where given, ``dfinal``
        (S, B, H), those with respect to the state after the last step. ``acts`` is not changed."""
        ...

    def optimizer_step(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        moments: np.ndarray,
        optimizer: OptimizerConfig,
        step: int,
        lr: float,
    ) -> float:
        """``Engine.update`` for any flat arrays: parameters and gradient (P,), moments (2, P).

        The loss in its NonFiniteError is NaN. Raises ArgumentError for arrays of other sizes.
        """
        ...

    def multiply(self, a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """a·b for a (M, K) and b (K, N), into ``out`` (M, N) if given.

        Unlike NumPy's ``@``, it gives the same bits with every BLAS, with any number of its threads, and for a
        transposed view as for a copy of it. Raises ArgumentError for shapes and dtypes that do not fit.
        """
        ...

    def Engine(self, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int = 1) -> Engine:
        """An engine for a model whose ``parameters`` and ``gradient`` (P,) it uses in place.

        Raises ArgumentError for arrays of another size or dtype.
        """
        ...
