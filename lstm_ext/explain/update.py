"""The update that a walk ends with: one step of plain gradient descent, and each weight before and after it.

    W ← W − η·scale·dW        scale = min(1, limit / ‖dL‖)

η is the learning rate. Clipping by norm is that of Pascanu et al. 2013, as in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arguments import Amount, Count, checked
from ..cells import CELLS
from ..cells.cell import NamedWeights
from ..cells.config import LayerConfig
from ..data import Vocabulary
from ..engine.config import OptimizerConfig
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel

#: With it an LSTM of three units learns "hello" in about fifty updates, and each of them is better than the last.
LEARNING_RATE = 1.0


@checked
@dataclass(frozen=True)
class WeightChange:
    """One weight in an update, such as ``W_fh`` at (2, 0): new = old − step, and step = η·scale·gradient."""

    array: str
    #: Into the array of that name.
    index: tuple[int, ...]
    old: float
    gradient: float
    step: float
    new: float


@checked
@dataclass(frozen=True)
class Update:
    """All weights of the layer that is shown, and of the output layer, before and after one update.

    ``old``, ``gradient`` and ``new`` have them by name: W_fh (H, H), W_fx (H, D), b_f (H,), …, W_y (V, H), b_y (V,).
    Raises ArgumentError for weights that are not those of a layer.
    """

    old: NamedWeights
    gradient: NamedWeights
    new: NamedWeights
    learning_rate: float
    scale: float
    #: Mean nats per character before the update and after it, from the engine, on the same text.
    loss: float
    loss_after: float
    #: The change of the loss that the gradient alone lets one expect: −η·scale·‖dL‖².
    promised: float
    #: (T,), the probability of each next character before and after.
    odds: np.ndarray
    odds_after: np.ndarray
    #: (P,), all of the model's, before the update and after it.
    before: np.ndarray
    parameters: np.ndarray

    def __post_init__(self) -> None:
        for name in ("old", "gradient", "new"):
            config = getattr(self, name).config
            if not isinstance(config, LayerConfig):
                raise ArgumentError(f"{name}: got weights of {config!r}, expected those of a LayerConfig")

    def changes(self, unit: Count) -> list[WeightChange]:
        """Of each kind of weight of one unit the one that moves most: from h, from the input, bias, peephole, to the
        scores. Raises ArgumentError for a unit that there is not."""
        if unit >= self.old.config.hidden_size:
            raise ArgumentError(f"unit: got {unit}, expected one below {self.old.config.hidden_size}")
        result = []
        for name in self._names():
            old, gradient, new = (_array(weights, name) for weights in (self.old, self.gradient, self.new))
            index = _most(gradient, name, unit)
            slope = float(gradient[index])
            step = self.learning_rate * self.scale * slope
            result.append(WeightChange(name, index, float(old[index]), slope, step, float(new[index])))
        return result

    def _names(self) -> list[str]:
        """Those that learn, gate by gate, then the output's."""
        config, weights = self.old.config, self.old
        cell = CELLS[config.cell]
        names = []
        for block in cell.learned(config):
            s = cell.suffix(block)
            names += [f"W{s or '_'}h", f"W{s or '_'}x", f"b{s}", f"b{s}h", f"p{s}"]
        there = {*weights.matrices, *weights.vectors}
        return [name for name in [*names, "W_y", "b_y"] if name in there]


def _array(weights: NamedWeights, name: str) -> np.ndarray:
    return weights.matrices[name] if name in weights.matrices else weights.vectors[name]


def _most(gradient: np.ndarray, name: str, unit: int) -> tuple[int, ...]:
    """Where the gradient is largest among the weights that go into ``unit`` or, of the output layer, out of it."""
    if name == "b_y":
        return (int(np.abs(gradient).argmax()),)
    if gradient.ndim == 1:
        return (unit,)
    if name == "W_y":
        return int(np.abs(gradient[:, unit]).argmax()), unit
    return unit, int(np.abs(gradient[unit]).argmax())


@checked
def in_float64(model: LanguageModel, *, backend: str | None = None) -> LanguageModel:
    """A copy that computes in float64 and drops nothing out, with the model's kind of engine or another ``backend``."""
    config = replace(model.config, dtype="float64", dropout=0.0)
    copy = LanguageModel(config, backend=backend or model.backend)
    copy.load(model.parameters)
    return copy


@checked
def learn(
    model: LanguageModel,
    text: str,
    vocabulary: Vocabulary,
    rates: Sequence[float],
    *,
    clip_norm: Amount | None = None,
) -> list[float]:
    """Make one update of ``model`` for each learning rate, as a walk through ``text`` shows it, from a zero state.

    Returns the loss before each update, in mean nats per character. Raises ArgumentError for a text of less than two
    characters, DataError for unknown ones, NonFiniteError once there is no finite gradient.
    """
    inputs, targets = pairs(vocabulary.encode(text))
    losses = []
    for rate in rates:
        losses.append(model.engine.forward(inputs, targets, model.zero_state()))
        model.engine.backward()
        descend(model, OptimizerConfig().clip_norm if clip_norm is None else clip_norm, rate)
    return losses


@checked
def descend(model: LanguageModel, clip_norm: Amount, learning_rate: Amount) -> None:
    """One step of gradient descent from the gradient that the model's engine holds, without momentum.

    Raises NonFiniteError where the gradient is not finite."""
    optimizer = OptimizerConfig(kind="sgd", clip_norm=clip_norm)
    model.engine.update(optimizer, np.zeros((2, model.parameters.size), model.parameters.dtype), 1, learning_rate)


@checked
def pairs(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets for an engine, (T, 1) int32, of a text's symbols (T+1,). Raises ArgumentError for less than
    two symbols."""
    if len(symbols) < 2:
        raise ArgumentError(f"symbols: got {len(symbols)}, expected at least 2, so that there is a next one to predict")
    column = np.ascontiguousarray(symbols, dtype=np.int32)[:, None]
    return column[:-1], column[1:]
