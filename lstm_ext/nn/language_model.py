"""Stacked recurrent layers and a softmax, as a model of text."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import LARGEST, Count, Seed, Threads, check_memory
from ..engine.config import ModelConfig
from ..engine.interface import Engine, EngineModule, Training
from ..errors import ArgumentError
from .checks import checked_lengths, checked_symbols, counted_steps
from .linear import Linear
from .losses import softmax
from .model import Model
from .module import planned
from .optimizer import Optimizer
from .recurrent import RecurrentLayer
from .trace import TextTrace

#: ``evaluate`` and ``probabilities`` work in pieces of about this many numbers.
PIECE = 1 << 21

_F = TypeVar("_F", bound=Callable[..., Any])


def _alone(method: _F) -> _F:
    """A decorator of methods that call the engine more than once, and keep other threads out all the while."""

    @functools.wraps(method)
    def call(self: LanguageModel, *args: Any, **keywords: Any) -> Any:
        with self.engine.held():
            return method(self, *args, **keywords)

    return call  # type: ignore[return-value]


class LanguageModel(Model):
    """Stacked recurrent layers, and a softmax over the next symbol.

    A network like the others, but built at once and run by ``engine``, which does forward, loss, backward, update
    and sampling in one piece. Inputs are symbols (T, B), 0 … input_size−1; targets are (T, B),
    0 … output_size−1, or −1 where nothing counts. Each sequence of a batch starts from a zero state.

    ``init`` and ``forget_bias`` decide how the weights start: see ``initialization``. The same
    ``seed`` gives the same start on either backend and, up to rounding, in either dtype. Losses are mean nats per
    counted symbol. Raises ArgumentError for arguments out of range.

    One thread at a time may use it: while one does, another one's calls raise StateError. A ``copy()`` is its own.
    """

    engine: Engine

    def __init__(
        self,
        config: ModelConfig,
        *,
        seed: Seed = 0,
        init: str = "uniform",
        forget_bias: float = 1.0,
        backend: str | None = None,
        kernel: str | None = None,
        threads: Threads = 1,
    ) -> None:
        if not planned():
            check_memory("num_layers", config.num_layers, 2 * config.num_parameters, np.dtype(config.dtype).itemsize)
        self.config = config
        self.layers = [RecurrentLayer(layer, init=init, forget_bias=forget_bias) for layer in config.layers()]
        self.output = Linear(config.hidden_size, config.output_size, init=init)
        self.build(seed=seed, dtype=config.dtype, backend=backend, kernel=kernel, threads=threads)

    def use(self, engine: EngineModule) -> None:
        super().use(engine)
        self.engine = engine.Engine(self.config, self.parameters, self.gradient, threads=self.threads)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("engine", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.use(self.engine_module)

    # ---------------------------------------------------------------- as a network among others

    @_alone
    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """Logits (T, B, V): row t predicts what follows input t."""
        symbols = self._batch(inputs, lengths)
        self.engine.forward(symbols, None, self.zero_state(symbols.shape[1]), dropout_key=self._dropout_key())
        return self.engine.logits()

    def backward(self, dout: np.ndarray) -> None:
        """``dout`` (T, B, V) is ∂L/∂logits; nothing is returned, because symbols have no gradient."""
        self.engine.backward(dlogits=dout)

    def compare(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> tuple[float, np.ndarray]:
        return self.criterion(self.forward(inputs, lengths), self._counted(targets, lengths))

    def loss(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> float:
        symbols, counted = self._batch(inputs, lengths), self._counted(targets, lengths)
        return self.engine.forward(symbols, counted, self.zero_state(symbols.shape[1]), keep=False)

    @_alone
    def loss_and_gradient(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> float:
        symbols, counted = self._batch(inputs, lengths), self._counted(targets, lengths)
        state = self.zero_state(symbols.shape[1])
        loss = self.engine.forward(symbols, counted, state, dropout_key=self._dropout_key())
        self.engine.backward()
        return loss

    def count(self, lengths: ArrayLike | None, targets: ArrayLike) -> int:
        return int(np.count_nonzero(self._counted(targets, lengths) >= 0))

    def train_step(
        self,
        inputs: ArrayLike,
        lengths: ArrayLike | None,
        targets: ArrayLike,
        optimizer: Optimizer,
        *,
        seed: Seed = 0,
        lr: float | None = None,
    ) -> tuple[float, float]:
        """As for any network, in one call of the engine."""
        if type(self) is not LanguageModel:  # a subclass may have overridden parts of it
            return super().train_step(inputs, lengths, targets, optimizer, seed=seed, lr=lr)
        symbols, counted = self._batch(inputs, lengths), self._counted(targets, lengths)
        number = optimizer.steps + 1
        result = self.engine.train(
            symbols[np.newaxis],
            counted[np.newaxis],
            self.zero_state(symbols.shape[1]),
            Training(
                optimizer.config,
                optimizer.moments,
                number,
                np.array([optimizer.rate(number) if lr is None else lr]),
                seed,
            ),
        )
        optimizer.steps = number
        return float(result.losses[0]), float(result.norms[0])

    def _batch(self, inputs: ArrayLike, lengths: ArrayLike | None) -> np.ndarray:
        """(T, B) symbols, 0 in padding, where anything may stand."""
        array = np.asarray(inputs)
        if array.ndim != 2 or 0 in array.shape:
            raise ArgumentError(f"inputs: got shape {array.shape}, expected symbols (T, B), T and B at least 1")
        counts = checked_lengths(lengths, *array.shape)
        if counts is not None:
            array = np.where(counted_steps(counts, len(array)), array, np.zeros((), array.dtype))
        return checked_symbols("inputs", array, self.config.input_size)

    def _counted(self, targets: ArrayLike, lengths: ArrayLike | None) -> np.ndarray:
        """(T, B) targets, −1 in padding."""
        array = np.asarray(targets)
        if array.ndim == 2 and lengths is not None:
            counts = checked_lengths(lengths, *array.shape)
            assert counts is not None
            array = np.where(counted_steps(counts, len(array)), array, -1)
        return self._checked_targets(array)

    def _dropout_key(self) -> int | None:
        return self.noise.take(self.config.num_layers) if self.training else None

    # --------------------------------------------------------------------------- as a model of text

    def zero_state(self, batch_size: Count = 1) -> np.ndarray:
        """(L, S, B, H) zeros: per layer h and, for an LSTM (S = 2), c."""
        shape = self.config.state_shape(batch_size)
        check_memory("batch_size", batch_size, math.prod(shape))
        return np.zeros(shape, dtype=self.config.dtype)

    @_alone
    def evaluate(
        self, inputs: np.ndarray, targets: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """How well the model predicts ``targets`` (T, B) from ``inputs`` (T, B), without dropout.

        Returns the mean nats per counted symbol (target −1: not counted; 0 if none is) and the
        final state. ``state`` (L, S, B, H) is where to start, by default zeros, and is not changed. T is
        processed in pieces, so memory does not grow with it.
        """
        inputs, targets = self._checked("inputs", inputs, 2), self._checked_targets(targets)
        if inputs.shape != targets.shape:
            raise ArgumentError(f"targets: got shape {targets.shape}, expected that of inputs, {inputs.shape}")
        state = self._starting(state, inputs.shape[1])
        total, count = 0.0, 0
        for piece in self._pieces(*inputs.shape):
            counted = int(np.count_nonzero(targets[piece] >= 0))
            loss = self.engine.forward(inputs[piece], targets[piece], state, keep=False)
            total += loss * counted
            count += counted
        return (total / count if count else 0.0), state

    @_alone
    def probabilities(self, symbols: Sequence[int] | np.ndarray, state: np.ndarray | None = None) -> np.ndarray:
        """(T, V) float64: row t predicts the symbol after ``symbols[t]``; ``state`` is not changed."""
        inputs = self._checked("symbols", symbols, 1)[:, np.newaxis]
        state = self._starting(state, 1)
        probabilities = np.empty((len(inputs), self.config.output_size))
        for piece in self._pieces(*inputs.shape):
            self.engine.forward(inputs[piece], None, state, keep=False)
            probabilities[piece] = softmax(self.engine.logits()[:, 0])
        return probabilities

    @_alone
    def sample(
        self,
        prime: Sequence[int] | np.ndarray,
        length: Count,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: Seed = 0,
        offset: int = 0,
        state: np.ndarray | None = None,
    ) -> np.ndarray:
        """Feed ``prime``, at least one symbol, then draw symbols and feed each; returns (length,) int32.

        ``temperature`` 0 takes the likeliest symbol; ``top_k`` > 0 draws only from the k
        likeliest, ``top_p`` < 1 only from the fewest whose probabilities add up to that (Holtzman et al. 2020).

        A given ``state`` (L, S, 1, H) is advanced in place, so that a text can be drawn in
        pieces: the next piece is ``sample(drawn[-1:], n, state=state, offset=symbols drawn so far)``.
        """
        symbols = self._checked("prime", prime, 1)
        self._reads_what_it_predicts()
        check_memory("length", length, length, itemsize=4)
        for name, value, good, expected in (
            ("length", length, 0 <= length <= LARGEST, "0 or more"),
            ("temperature", temperature, 0.0 <= temperature < np.inf, "0 or more"),
            ("top_k", top_k, 0 <= top_k <= LARGEST, "0 (off) or more"),
            ("offset", offset, 0 <= offset < 2**62, "0 or more"),
            ("top_p", top_p, 0.0 < top_p <= 1.0, "a probability in (0, 1]"),
        ):
            if not good:
                raise ArgumentError(f"{name}: got {value!r}, expected {expected}")
        if state is None:
            state = self.zero_state()
        self._check_state(state, 1)
        for piece in self._pieces(len(symbols) - 1, 1):
            self.engine.forward(symbols[:-1, np.newaxis][piece], None, state, keep=False)
        return self.engine.sample(
            state,
            int(symbols[-1]),
            length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            offset=offset,
        )

    @_alone
    def trace(
        self, inputs: ArrayLike, lengths: ArrayLike | None = None, *, state: np.ndarray | None = None
    ) -> TextTrace:
        """Gates, states, predictions and losses, without dropout: of symbols (T, B), or of one sequence (T,).

        ``state`` (L, S, B, H) is where to start, by default zeros, and is left as it is. Raises ``ArgumentError``,
        also where input and output alphabet differ: there no prediction can be compared with what came.
        """
        single = np.ndim(inputs) == 1
        array = (
            self._checked("symbols", np.asarray(inputs), 1)[:, np.newaxis] if single else self._batch(inputs, lengths)
        )
        self._reads_what_it_predicts()
        counts = checked_lengths(lengths, *array.shape)
        self.engine.forward(array, None, self._starting(state, array.shape[1]))
        probabilities = softmax(self.engine.logits())
        loss = np.full(array.shape, np.nan)
        with np.errstate(divide="ignore"):  # a probability that underflowed to 0 costs ∞ nats
            loss[1:] = -np.log(np.take_along_axis(probabilities[:-1], array[1:, :, np.newaxis], axis=2)[:, :, 0])
        if counts is not None:
            loss[~counted_steps(counts, len(array))] = np.nan
        layers = {
            f"layers.{n}": replace(self.engine.activations(n), lengths=counts) for n in range(self.config.num_layers)
        }
        if single:
            return TextTrace(layers, array[:, 0], probabilities[:, 0], loss[:, 0])
        return TextTrace(layers, array, probabilities, loss)

    def _checked(self, name: str, symbols: Sequence[int] | np.ndarray, ndim: int) -> np.ndarray:
        """``symbols`` as a C-contiguous int32 array of at least one input symbol."""
        return _integers(name, symbols, ndim, 0, self.config.input_size - 1)

    def _checked_targets(self, targets: np.ndarray) -> np.ndarray:
        return _integers("targets", targets, 2, -1, self.config.output_size - 1)

    def _reads_what_it_predicts(self) -> None:
        if self.config.input_size != self.config.output_size:
            raise ArgumentError(
                f"output_size: got {self.config.output_size}, expected that of the input, {self.config.input_size}: "
                "this model cannot read what it predicts"
            )

    def _check_state(self, state: np.ndarray, batch_size: int) -> None:
        expected = self.config.state_shape(batch_size)
        if state.shape != expected or state.dtype != self.config.dtype or not state.flags.c_contiguous:
            raise ArgumentError(
                f"state: got {state.dtype} {state.shape}, expected {self.config.dtype} {expected}, C-contiguous"
            )

    def _starting(self, state: np.ndarray | None, batch_size: int) -> np.ndarray:
        """A copy of ``state`` that the engine may overwrite."""
        if state is None:
            return self.zero_state(batch_size)
        self._check_state(state, batch_size)
        return np.array(state)

    def _pieces(self, steps: int, batch_size: int) -> list[slice]:
        """Cuts ``steps`` time steps into pieces whose logits and activations need bounded memory."""
        config = self.config
        width = config.output_size + config.num_layers * config.hidden_size * (self.layers[0].config.blocks + 3)
        size = max(1, PIECE // (batch_size * width))
        return [slice(start, min(start + size, steps)) for start in range(0, steps, size)]


def _integers(name: str, values: Sequence[int] | np.ndarray, ndim: int, low: int, high: int) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != ndim or not array.size or array.dtype.kind not in "iu":
        raise ArgumentError(
            f"{name}: got shape {array.shape} of {array.dtype}, expected {ndim}-dimensional integers, at least one"
        )
    if array.min() < low or array.max() > high:
        raise ArgumentError(f"{name}: got symbols {array.min()} to {array.max()}, expected {low} to {high}")
    checked: np.ndarray = np.ascontiguousarray(array, dtype=np.int32)
    return checked
