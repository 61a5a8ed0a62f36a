"""Stacked recurrent layers and a softmax, as a model of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .activations import Activations
from .config import ModelConfig


@dataclass(frozen=True)
class Trace:
    """Everything a model computed over one text of T symbols (B = 1)."""

    #: (T,) int32
    symbols: np.ndarray
    #: One per layer, from the input upwards.
    layers: tuple[Activations, ...]
    #: (T, V) float64: row t is the model's prediction of symbol t+1.
    probabilities: np.ndarray
    #: (T,) float64 nats: −log of the probability that symbol t had; NaN for the first, which nothing predicted.
    loss_per_symbol: np.ndarray

    def values(self, layer: int) -> dict[str, np.ndarray]:
        """One layer's gates and states by name, (T, H) each: LSTM i, f, g, o, c, h; GRU r, z, n, h; RNN h."""
        raise NotImplementedError


class LanguageModel:
    """Stacked recurrent layers, and a softmax over the next symbol."""

    config: ModelConfig
    #: "c" or "numpy"
    backend: str
    threads: int
    #: (P,) all parameters, in the order of ``config.parameter_shapes()``
    parameters: np.ndarray
    #: (P,) what ``engine.backward`` fills
    gradient: np.ndarray

    def __init__(
        self,
        config: ModelConfig,
        *,
        seed: int = 0,
        forget_bias: float = 1.0,
        backend: str | None = None,
        threads: int = 1,
    ) -> None: ...

    def copy(self) -> LanguageModel:
        """A model of its own with the same weights."""
        raise NotImplementedError

    def weights(self) -> dict[str, np.ndarray]:
        """Views, writable in place: layers.0.W (G·H, H+D), layers.0.b, (layers.0.peephole), …, output.W (V, H), output.b."""
        raise NotImplementedError

    def gradients(self) -> dict[str, np.ndarray]:
        """Views of ``gradient``, with the names and shapes of ``weights()``."""
        raise NotImplementedError

    def zero_state(self, batch_size: int = 1) -> np.ndarray:
        """(L, S, B, H) zeros: per layer h and, for an LSTM (S = 2), c."""
        raise NotImplementedError

    def evaluate(
        self, inputs: np.ndarray, targets: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """Mean nats per counted symbol (target −1: not counted) and the final state; ``state`` is left as it is."""
        raise NotImplementedError

    def probabilities(self, symbols: Sequence[int] | np.ndarray, state: np.ndarray | None = None) -> np.ndarray:
        """(T, V) float64: row t is the prediction of the symbol after symbols[t]; ``state`` is left as it is."""
        raise NotImplementedError

    def sample(
        self,
        prime: Sequence[int] | np.ndarray,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        offset: int = 0,
        state: np.ndarray | None = None,
    ) -> np.ndarray:
        """(length,) int32: feeds ``prime`` (at least one symbol), then draws. To go on where a text
        ended: ``sample(text[-1:], n, state=state, offset=len(text so far))``; a given ``state``
        (L, S, 1, H) is advanced in place, up to before feeding the last symbol drawn."""
        raise NotImplementedError

    def trace(self, symbols: Sequence[int] | np.ndarray, state: np.ndarray | None = None) -> Trace:
        """Gates, states, predictions and losses over ``symbols``; ``state`` is left as it is."""
        raise NotImplementedError
