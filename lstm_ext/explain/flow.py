"""How far back a loss reaches: the gradient of one character's loss with respect to the states at every earlier one.

∂L/∂h_t is the whole derivative with respect to the state after step t, by every way on which h_t acts: the next step,
and the layer or the softmax above. ∂L/∂C_t has both parts as well, through C_t+1 and through h_t. What vanishes, or
does not, is their norm (Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu et al. 2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, Seed, check_memory, checked
from ..cells import CellName
from ..cells.config import Weights
from ..data import Vocabulary
from ..engine.config import ModelConfig
from ..engine.state_gradients import state_gradients
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel
from ..nn.losses import softmax

#: The smallest share that is told from 0.
_TINY = 1e-300


@checked
@dataclass(frozen=True)
class Flow:
    """The norms of ∂L/∂h_t and, of an LSTM, ∂L/∂C_t, on one text, for each character's loss."""

    #: T+1 characters: all but the last one are read, all but the first one are predicted.
    text: str
    cell: CellName
    #: "h", and "c" where there is one → (L, T+1, T): layer, loss, step. Loss k is that of the character k+1 alone, in
    #: nats; the last one is the mean of all T.
    #: Raises ArgumentError for other shapes.
    norms: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        for name, norms in self.norms.items():
            if norms.ndim != 3 or norms.shape[1:] != (self.steps + 1, self.steps) or not self.steps:
                raise ArgumentError(
                    f"norms: got shape {norms.shape} for {name}, expected (L, T+1, T), T + 1 being the text's length"
                )

    @property
    def steps(self) -> int:
        """T."""
        return len(self.text) - 1

    def bars(self, state: str, layer: Count, character: Count | None) -> np.ndarray:
        """(T,) the norms after each step for the loss of one character, 1 to T, in nats; None: for the mean of all.

        ``layer`` counts from 0. Raises ArgumentError for what there is not."""
        norms = self._norms(state, layer)
        if character is not None and not 1 <= character <= self.steps:
            raise ArgumentError(f"character: got {character}, expected 1 to {self.steps}, which are predicted")
        bars: np.ndarray = norms[-1 if character is None else character - 1]
        return bars

    def shares(self, state: str, layer: Count) -> np.ndarray:
        """(N, lags+1): how much is left 0, 1, … steps back, as a share of the norm at the state that predicted the
        character, for the losses of the last quarter of the text: each has all lags."""
        norms, losses = self._norms(state, layer), max(1, self.steps // 4)
        lags = np.arange(self.steps - losses + 1)
        rows = np.arange(self.steps - losses, self.steps)[:, None]
        back = norms[rows, rows - lags]
        with np.errstate(divide="ignore", invalid="ignore"):
            of_all = back / back[:, :1]
        shares: np.ndarray = of_all[np.isfinite(of_all).all(axis=1)]
        return shares

    def _norms(self, state: str, layer: int) -> np.ndarray:
        if state not in self.norms:
            raise ArgumentError(f"state: got {state!r}, expected one of {', '.join(self.norms)}")
        layers: np.ndarray = self.norms[state]
        if layer >= len(layers):
            raise ArgumentError(f"layer: got {layer}, expected 0 to {len(layers) - 1}")
        norms: np.ndarray = layers[layer]
        return norms


@checked
def flow(model: LanguageModel, symbols: ArrayLike, vocabulary: Vocabulary) -> Flow:
    """How far back the loss of each character of ``symbols`` (T+1,) reaches, from a zero state and without dropout.

    It is computed in float64 on a copy of the weights, so a model in training is not disturbed. Losses are in nats.
    Raises ArgumentError for fewer than two symbols, for so many that memory lacks, and for another vocabulary.
    """
    array = np.asarray(symbols)
    if array.ndim != 1 or len(array) < 2 or array.dtype.kind not in "iu":
        raise ArgumentError(f"symbols: got {array.dtype} {array.shape}, expected integers (T+1,), at least 2")
    if not model.config.input_size == model.config.output_size == len(vocabulary):
        raise ArgumentError(
            f"vocabulary: got {len(vocabulary)} symbols, expected those that the model reads and predicts, "
            f"{model.config.input_size} and {model.config.output_size}"
        )
    check_memory("symbols", len(array), 3 * len(array) ** 2 * model.config.hidden_size)
    text = vocabulary.decode(array)
    copy = LanguageModel(replace(model.config, dtype="float64", dropout=0.0), backend=model.backend)
    copy.load(model.parameters)
    inputs = np.ascontiguousarray(array[:-1], dtype=np.int32)[:, None]
    copy.engine.forward(inputs, None, copy.zero_state())
    steps = len(inputs)
    of_logits = softmax(copy.engine.logits()[:, 0])
    of_logits[np.arange(steps), array[1:]] -= 1
    parameters = copy.config.parameter_views(copy.parameters)
    through_softmax = of_logits @ parameters["output.W"]
    # Each character's loss is a sequence of its own in the backward pass; the last one is the mean of all.
    dh = np.zeros((steps, steps + 1, copy.config.hidden_size))
    dh[np.arange(steps), np.arange(steps)] = through_softmax
    dh[:, -1] = through_softmax / steps
    acts = [copy.engine.activations(index) for index in range(copy.config.num_layers)]
    norms: dict[str, list[np.ndarray]] = {}
    for index in reversed(range(len(acts))):
        x = inputs if index == 0 else np.ascontiguousarray(acts[index - 1].output)
        names = copy.config.layer(index).parameter_shapes()
        weights = Weights(**{name: parameters[f"layers.{index}.{name}"] for name in names})
        gradients = state_gradients(copy.engine_module, weights, replace(acts[index], x=x), dh)
        for name, gradient in (("h", gradients.dh), ("c", gradients.dc)):
            if gradient is not None:
                norms.setdefault(name, []).insert(0, np.linalg.norm(gradient, axis=2).T)
        if gradients.dx is not None:
            dh = gradients.dx
    return Flow(text, model.config.cell, {name: np.stack(layers) for name, layers in norms.items()})


@checked
@dataclass(frozen=True)
class Start:
    """How an untrained network starts: initialization and forget bias, and ``recurrent_scale``, which its recurrent
    weights are multiplied by."""

    init: str = "uniform"
    forget_bias: float = 1.0
    recurrent_scale: float = 1.0

    def model(self, config: ModelConfig, cell: CellName, seed: Seed = 0, backend: str | None = None) -> LanguageModel:
        """An untrained network of ``cell``, in float64, otherwise as large as ``config`` says."""
        own = config if cell == config.cell else ModelConfig(1, 1, 1, cell=cell)
        sizes = {name: getattr(config, name) for name in ("input_size", "hidden_size", "output_size", "num_layers")}
        model = LanguageModel(
            replace(own, **sizes, dtype="float64", dropout=0.0),
            seed=seed,
            init=self.init,
            forget_bias=self.forget_bias,
            backend=backend,
        )
        parameters = model.config.parameter_views(model.parameters)
        for index, layer in enumerate(model.config.layers()):
            parameters[f"layers.{index}.Wt"][: layer.recurrent_rows] *= self.recurrent_scale
        return model


@checked
def fresh_flows(
    config: ModelConfig,
    cell: CellName,
    start: Start,
    symbols: ArrayLike,
    vocabulary: Vocabulary,
    *,
    seeds: Count = 8,
    backend: str | None = None,
) -> Iterator[Flow]:
    """``flow`` of ``seeds`` untrained networks of a cell on ``symbols`` (T+1,), one by one.

    Raises ArgumentError as ``flow`` does."""
    for seed in range(seeds):
        yield flow(start.model(config, cell, seed, backend), symbols, vocabulary)


@checked
@dataclass(frozen=True)
class Decay:
    """What is left of a gradient by steps back: median and quartiles over losses and networks, (lags+1,) each.

    Raises ArgumentError for other shapes."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __post_init__(self) -> None:
        for name in ("median", "low", "high"):
            if getattr(self, name).ndim != 1 or not getattr(self, name).size:
                raise ArgumentError(f"{name}: got shape {getattr(self, name).shape}, expected (lags+1,)")

    @classmethod
    def of(cls, flows: Sequence[Flow], state: str, layer: Count) -> Decay:
        """Over the shares of all ``flows``, which are on texts of one length. Raises ArgumentError for no flows, and
        where no loss has a gradient."""
        shares = np.concatenate([one.shares(state, layer) for one in flows]) if flows else np.empty((0, 1))
        if not len(shares):
            raise ArgumentError("flows: got none with a gradient at the state that predicts, expected at least one")
        logs = np.log10(np.maximum(shares, _TINY))
        low, median, high = 10.0 ** np.quantile(logs, (0.25, 0.5, 0.75), axis=0)
        return cls(median, low, high)

    @property
    def lags(self) -> int:
        """The most steps back."""
        return len(self.median) - 1

    def decades(self, lag: Count) -> float:
        """log₁₀ of the median share that is left ``lag`` steps back; negative where it falls.

        Raises ArgumentError for more steps than there are."""
        if lag > self.lags:
            raise ArgumentError(f"lag: got {lag}, expected at most {self.lags}")
        return math.log10(max(float(self.median[lag]), _TINY))

    @property
    def per_step(self) -> float:
        """Decades per step, on average from 0 to the most steps back; NaN where there is no step back."""
        return self.decades(self.lags) / self.lags if self.lags else math.nan

    @property
    def half_life(self) -> float:
        """Steps in which the gradient halves, on average; ∞ where it does not fall; NaN where there is no step."""
        if math.isnan(self.per_step):
            return math.nan
        return math.log10(2) / -self.per_step if self.per_step < 0 else math.inf


@checked
def median_bars(flows: Sequence[Flow], state: str, layer: Count, character: int | None) -> np.ndarray:
    """(T,) the medians of ``Flow.bars`` over networks on one text; losses in nats. Raises ArgumentError."""
    if len({one.text for one in flows}) != 1:
        raise ArgumentError(f"flows: got {len(flows)}, expected at least one, all on the same text")
    bars: np.ndarray = np.median([one.bars(state, layer, character) for one in flows], axis=0)
    return bars
