"""A model's reading of one short text, one gate at a time: forward to the loss, then backward to every weight.

The engine computes gates, states, scores and weight gradients. This module takes them from it and adds what
an engine does not keep: the summands of each pre-activation and, step by step, the gradient of everything on
the way. ``Walk.difference`` says how far the sum of these steps is from the engine's gradient. The walk ends with
one update of the weights by that gradient, ``lstm_ext.explain.update``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import Amount, Count, Seed, Size, checked
from ..cells import CELLS, CellName
from ..cells.cell import NamedWeights, Values
from ..cells.config import LayerConfig
from ..cells.functions import quiet
from ..cells.stages import Part, Stage
from ..data import Vocabulary
from ..engine.config import ModelConfig, OptimizerConfig
from ..errors import ArgumentError, NonFiniteError
from ..nn.language_model import LanguageModel
from ..nn.losses import softmax
from .stages import UPDATE_STAGES, backward_stages, forward_stages
from .update import LEARNING_RATE, Update, descend, in_float64, pairs

#: Values with one entry per symbol of the vocabulary, of which the target's is shown.
_PER_SYMBOL = frozenset({"y", "y.hidden", "y.bias", "p", "dy"})


@checked
@dataclass(frozen=True)
class Step:
    """One character: number ``t`` (from 1) of the text, a symbol, the symbol to predict, and all values by name.

    Names are the stages' ids, and their parts' keys; shapes (H,), (V,), (D,) or (1,).
    """

    t: int
    symbol: int
    target: int
    values: Values


@checked
@dataclass(frozen=True)
class WeightRow:
    """What one step adds to the gradients of one unit's weights in one block of W, and to its bias."""

    weights: str
    #: d(pre-activation), which is also added to the bias.
    da: float
    #: (H,), the columns that meet the state; None in a cell without recurrent weights.
    recurrent: np.ndarray | None
    #: (D,), the columns that meet the input.
    input: np.ndarray


@checked
@dataclass(frozen=True)
class Walk:
    """All steps of reading ``text``: step t reads its character t and should predict character t + 1.

    So a text of T + 1 characters has T steps ("hello": h→e, e→l, l→l, l→o). Arrays are float64.
    """

    text: str
    vocabulary: Vocabulary
    config: ModelConfig
    #: "c" or "numpy": the engine that computed it.
    backend: str
    #: Mean nats per character, from the engine.
    loss: float
    steps: tuple[Step, ...]
    #: The engine's gradient: sizes per array, norm, clipping; and the update: how far each array moves, the loss.
    update: Step
    #: Every weight before and after the update.
    updated: Update
    #: (layers, states, 1, H), the state that it started from.
    start: np.ndarray
    #: Names of the arrays whose gradients' sizes ``update`` has.
    arrays: tuple[str, ...]
    #: Weights by name, such as W_fh (H, H) and W_fx (H, D); with .T transposed.
    matrices: Values
    #: The gradient of the layer as the engine computed it (W (G·H, H+D), b, peephole), and of the output layer.
    gradients: Values

    @property
    def layer(self) -> LayerConfig:
        """The layer that is shown: the last one, whose output makes the prediction."""
        return self.config.layers()[-1]

    @property
    def difference(self) -> float:
        """Largest absolute difference between the engine's gradients and the sum of the steps'."""
        return float(self.update.values["difference"][0])

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """All stages in their order: forward from the first character, backward from the last, the update."""
        forward = forward_stages(self.layer, symbols=self.config.num_layers == 1)
        backward = backward_stages(self.layer)
        return (
            *(Moment(self, step, stage, "forward") for step in self.steps for stage in forward),
            *(Moment(self, step, stage, "backward") for step in reversed(self.steps) for stage in backward),
            *(Moment(self, self.update, stage, "update") for stage in UPDATE_STAGES),
        )

    @cached_property
    def shares(self) -> np.ndarray:
        """(H,): what each unit adds to the score of the next character, beyond what it adds to the average score; the
        mean of its size over the text."""
        W_y = self.matrices["W_y"]
        beyond = W_y - W_y.mean(axis=0)
        shares: np.ndarray = np.mean([np.abs(beyond[step.target] * step.values["h"]) for step in self.steps], axis=0)
        return shares

    @property
    def telling(self) -> list[int]:
        """All units, the most telling ones first: those with the largest ``shares``."""
        order: list[int] = np.argsort(-self.shares, kind="stable").tolist()
        return order

    def weight_rows(self, step: Step, unit: Count) -> list[WeightRow]:
        """What one step adds to the gradients of one unit's weights: a row for each block of W that learns.

        Raises ArgumentError for a step of another walk, and a unit that there is not.
        """
        layer, cell = self.layer, CELLS[self.layer.cell]
        if not any(step is own for own in self.steps):
            raise ArgumentError("step: got one that is not among this walk's steps")
        if unit >= layer.hidden_size:
            raise ArgumentError(f"unit: got {unit}, expected one below {layer.hidden_size}")
        rows = []
        for gate in cell.learned(layer):
            into_state, state, into_input = cell.factors(layer, step.values, gate)
            da = float(into_input[unit])
            recurrent = into_state[unit] * state if cell.recurrent else None
            rows.append(WeightRow(f"W{cell.suffix(gate)}", da, recurrent, da * step.values["x"]))
        return rows

    def as_dict(self) -> dict[str, Any]:
        """The whole walk as plain lists and numbers, for JSON."""

        def step_values(step: Step) -> dict[str, Any]:
            return {name: value.tolist() for name, value in step.values.items()}

        def stages(phase: str, t: int) -> list[dict[str, str]]:
            return [
                {"id": moment.stage.id, "name": moment.stage.name, "equation": moment.stage.equation}
                for moment in self.moments
                if moment.phase == phase and moment.step.t == t
            ]

        return {
            "text": self.text,
            "vocabulary": self.vocabulary.symbols,
            "cell": self.config.cell,
            "reset_after": self.config.reset_after,
            "hidden_size": self.config.hidden_size,
            "num_layers": self.config.num_layers,
            "backend": self.backend,
            "loss": self.loss,
            "shares": self.shares.tolist(),
            "stages": {"forward": stages("forward", 1), "backward": stages("backward", 1)},
            "steps": [
                {
                    "t": step.t,
                    "character": self.vocabulary.symbols[step.symbol],
                    "target": self.vocabulary.symbols[step.target],
                    "values": step_values(step),
                }
                for step in self.steps
            ],
            "gradients": {name: value.tolist() for name, value in self.gradients.items()},
            "norm": float(self.update.values["norm"][0]),
            "update": {
                "learning_rate": self.updated.learning_rate,
                "scale": self.updated.scale,
                "loss_after": self.updated.loss_after,
                "probabilities": self.updated.odds.tolist(),
                "probabilities_after": self.updated.odds_after.tolist(),
            },
            "difference": self.difference,
        }


@checked
@dataclass(frozen=True)
class Summand:
    """One part of a stage's value for one unit; ``row`` and ``vector`` are its factors if it is a matrix product."""

    part: Part
    value: float
    row: np.ndarray | None
    vector: np.ndarray | None


@checked
@dataclass(frozen=True)
class Moment:
    """One stage at one step: what a walker looks at. ``phase`` is "forward", "backward" or "update"."""

    walk: Walk
    step: Step
    stage: Stage
    phase: str

    @property
    def values(self) -> np.ndarray:
        """The values of all units (or symbols, or arrays); for weights, the matrix of one step's contributions."""
        if self.stage.id == "dW":
            return weight_gradient(self.walk.layer, self.step.values)["W"]
        if self.stage.id == "dW_y":
            return weight_gradient(self.walk.layer, self.step.values)["W_y"]
        return self.step.values[self.stage.id]

    def value(self, unit: Count) -> float | None:
        """The value that is written out: the unit's, or the target's; None where there is no single one."""
        if self.stage.axis in ("weights", "array", "input"):
            return None
        return self.number(self.stage.id, unit)

    def number(self, key: str, unit: Count) -> float:
        """One of the step's values: the unit's, the target's, or the only one. Counts are integers.

        Raises ArgumentError for a key or a unit that there is not."""
        if key not in self.step.values:
            raise ArgumentError(f"key: got {key!r}, expected one of {', '.join(self.step.values)}")
        number = self.step.values[key][self._index(key, unit)]
        return int(number) if isinstance(number, np.integer) else float(number)

    def place(self, unit: Count) -> int:
        """Where that single value stands among the values. Raises ArgumentError for a unit that there is not."""
        return self._index(self.stage.id, unit)

    def summands(self, unit: Count) -> list[Summand]:
        """The parts of the value, with their factors."""
        return [self._summand(part, unit) for part in self.stage.parts]

    def _summand(self, part: Part, unit: Count) -> Summand:
        row = vector = None
        if part.matrix:
            row, vector = self.walk.matrices[part.matrix][self._index(part.key, unit)], self.step.values[part.vector]
        return Summand(part, self.number(part.key, unit), row, vector)

    def _index(self, key: str, unit: Count) -> int:
        if key in _PER_SYMBOL:
            return self.step.target
        size = self.step.values[key].size
        if unit >= size > 1:
            raise ArgumentError(f"unit: got {unit}, expected one below {size}")
        return unit if size > 1 else 0


@checked
@quiet
def walk(
    model: LanguageModel,
    text: str,
    vocabulary: Vocabulary,
    *,
    clip_norm: Amount | None = None,
    state: np.ndarray | None = None,
    learning_rate: Amount = LEARNING_RATE,
) -> Walk:
    """Walk ``model`` through ``text``, starting from ``state`` (layers, states, 1, H), by default from zeros.

    Of stacked layers the last one is shown; its input is the output of the layer below. The loss is the mean in
    nats over all characters but the first. It is computed in float64 by the model's kind of engine, on a copy of
    the weights, so a model in training is not disturbed. ``clip_norm`` defaults to the optimizer's;
    ``learning_rate`` is that of the update at the end. Raises ArgumentError for a text of less than two characters,
    DataError for one with unknown characters.
    """
    if len(text) < 2:
        raise ArgumentError(
            f"text: got {text!r}, expected at least 2 characters, so that there is a next one to predict"
        )
    symbols = vocabulary.encode(text)
    copy = in_float64(model)
    shown = _shown(copy.config, copy.weights())
    inputs, targets = pairs(symbols)
    start = copy.zero_state() if state is None else state.astype(np.float64)
    loss = copy.engine.forward(inputs, targets, start.copy())
    steps = tuple(_forward(copy, shown, symbols))
    copy.engine.backward()
    later: Values = {}
    for step in reversed(steps):
        _backward(shown, step.values, later)
        later = step.values

    gradients = {name: array.copy() for name, array in _top(copy.gradients()).items()}
    sums = {name: np.zeros_like(array) for name, array in gradients.items()}
    for step in steps:
        for name, part in weight_gradient(shown.config, step.values).items():
            sums[name] += part
    sizes = _sizes(shown.config, gradients, copy.gradients())
    squares = float(copy.gradient @ copy.gradient)
    norm, limit = squares**0.5, OptimizerConfig().clip_norm if clip_norm is None else clip_norm
    difference = max(float(np.abs(gradients[name] - sums[name]).max()) for name in gradients)
    scale = limit / norm if 0 < limit < norm else 1.0
    new = in_float64(copy)
    new.gradient[:] = copy.gradient
    with contextlib.suppress(NonFiniteError):  # the weights then stay as they are
        descend(new, limit, learning_rate)
    loss_after = new.engine.forward(inputs, targets, start.copy())
    odds_after = np.take_along_axis(softmax(new.engine.logits()[:, 0]), targets, axis=1)[:, 0]
    updated = Update(
        old=shown,
        gradient=_shown(copy.config, copy.gradients()),
        new=_shown(new.config, new.weights()),
        learning_rate=learning_rate,
        scale=scale,
        loss=loss,
        loss_after=loss_after,
        promised=-learning_rate * scale * squares,
        odds=np.array([step.values["p"][step.target] for step in steps]),
        odds_after=odds_after,
        before=copy.parameters,
        parameters=new.parameters,
    )
    update = {
        "total": np.array(list(sizes.values())),
        "difference": np.array([difference]),
        "squares": np.array([squares]),
        "norm": np.array([norm]),
        "limit": np.array([limit]),
        "scale": np.array([scale]),
        "eta": np.array([learning_rate]),
        "step": learning_rate * scale * np.array(list(sizes.values())),
        "before": np.array([loss]),
        "after": np.array([loss_after]),
        "promised": np.array([updated.promised]),
    }
    return Walk(
        text=text,
        vocabulary=vocabulary,
        config=copy.config,
        backend=copy.backend,
        loss=loss,
        steps=steps,
        update=Step(0, steps[-1].symbol, steps[-1].target, update),
        updated=updated,
        start=start.copy(),
        arrays=tuple(sizes),
        matrices=shown.matrices,
        gradients=gradients,
    )


@checked
def spelling_model(
    text: str,
    *,
    cell: CellName = "lstm",
    hidden_size: Size = 3,
    reset_after: bool = False,
    trained: bool = False,
    seed: Seed = 0,
    backend: str | None = None,
) -> tuple[LanguageModel, Vocabulary]:
    """A one-layer model that knows only the characters of ``text``, and its vocabulary.

    ``trained``: it learns ``text`` until every next character has a probability of at least 0.9 (Adam, each time
    from a zero state), at most for about a second: a long text may not be learned completely.
    """
    vocabulary = Vocabulary("".join(sorted(set(text))))
    size = len(vocabulary)
    config = ModelConfig(size, hidden_size, size, cell=cell, reset_after=reset_after, dtype="float64")
    model = LanguageModel(config, seed=seed, backend=backend)
    if trained and len(text) > 1:
        _teach(model, vocabulary.encode(text))
    return model, vocabulary


@checked
def weight_gradient(layer: LayerConfig, values: Values) -> Values:
    """What one step adds to the gradients of W (G·H, H+D), b, peephole (3, H), W_y (V, H) and b_y (V,).

    Raises ArgumentError for values that are not those of a step with this layer."""
    try:
        own = CELLS[layer.cell].weight_gradient(layer, values)
        return own | {"W_y": np.outer(values["dy"], values["h"]), "b_y": values["dy"]}
    except KeyError as error:
        raise ArgumentError(f"values: has no {error}, expected those of a walk's step with this layer") from None


def _teach(model: LanguageModel, symbols: np.ndarray) -> None:
    inputs, targets = pairs(symbols)
    moments = np.zeros((2, model.parameters.size))
    # 20,000 characters take the NumPy twin about a second, the C core next to nothing.
    for step in range(1, max(100, 20_000 // len(targets)) + 1):
        model.engine.forward(inputs, targets, model.zero_state())
        odds = np.take_along_axis(softmax(model.engine.logits()[:, 0]), targets, axis=1)
        if odds.min() >= 0.9:
            return
        model.engine.backward()
        model.engine.update(OptimizerConfig(), moments, step, 0.05)


def _top(arrays: Values) -> Values:
    """The last layer's arrays as W, b, (peephole), and the output layer's as W_y, b_y."""
    last = max(int(name.split(".")[1]) for name in arrays if name.startswith("layers."))
    own = {name.rsplit(".", 1)[1]: array for name, array in arrays.items() if name.startswith(f"layers.{last}.")}
    return own | {"W_y": arrays["output.W"], "b_y": arrays["output.b"]}


def _blocks(layer: LayerConfig, arrays: Values) -> Values:
    """W, b and peephole gate by gate, then W_y and b_y."""
    return CELLS[layer.cell].named(layer, arrays) | {"W_y": arrays["W_y"], "b_y": arrays["b_y"]}


def _sizes(layer: LayerConfig, gradients: Values, everything: Values) -> dict[str, float]:
    """The norm of each array's gradient: block by block in the layer shown, whole layers below it."""
    below: dict[str, float] = {}
    for name, array in everything.items():
        if name.startswith("layers."):
            title = f"layer {int(name.split('.')[1]) + 1}"
            below[title] = below.get(title, 0.0) + float(np.sum(array**2))
    below.popitem()
    sizes = {name: square**0.5 for name, square in below.items()}
    return sizes | {name: float(np.linalg.norm(array)) for name, array in _blocks(layer, gradients).items()}


def _shown(config: ModelConfig, arrays: Values) -> NamedWeights:
    """The weights, or their gradients, of the layer that is shown, gate by gate, and those of the output: W_y, b_y."""
    layer = config.layers()[-1]
    cell, blocks, h = CELLS[layer.cell], _blocks(layer, _top(arrays)), layer.recurrent_rows
    matrices = {"W_y": blocks["W_y"]}
    for block in cell.blocks:
        s = cell.suffix(block.name)
        if h:
            matrices[f"W{s or '_'}h"] = blocks[f"W{s}"][:, :h]
        matrices[f"W{s or '_'}x"] = blocks[f"W{s}"][:, h:]
    vectors = {name: array for name, array in blocks.items() if not name.startswith("W")}
    return NamedWeights(layer, vectors, matrices | {f"{name}.T": array.T for name, array in matrices.items()})


def _forward(model: LanguageModel, shown: NamedWeights, symbols: np.ndarray) -> Iterator[Step]:
    """Every value of the forward pass: the engine's, and the summands of the arguments of σ and tanh."""
    config, layer, cell = model.config, shown.config, CELLS[shown.config.cell]
    acts = model.engine.activations(config.num_layers - 1)
    below = model.engine.activations(config.num_layers - 2) if config.num_layers > 1 else None
    scores = model.engine.logits()[:, 0]
    one_hot = np.eye(config.output_size)
    for t, (symbol, target) in enumerate(zip(symbols[:-1].tolist(), symbols[1:].tolist(), strict=True)):
        v: Values = {gate: block[t, 0] for gate, block in acts.blocks.items()}
        v["x"] = one_hot[symbol] if below is None else below.output[t, 0]
        v["h_prev"], v["h"] = acts.previous[t, 0], acts.output[t, 0]
        cell.state_values(acts, t, v)
        for gate in cell.learned(layer):
            a, parts = f"a{cell.suffix(gate)}", cell.summands(shown, v, gate)
            v[a] = np.sum(list(parts.values()), axis=0)
            v.update({f"{a}.{name}": part for name, part in parts.items()})

        v["y"] = y = scores[t]
        v["y.hidden"], v["y.bias"] = shown.matrices["W_y"] @ v["h"], shown.vectors["b_y"]
        v["p"] = p = softmax(y)
        with np.errstate(over="ignore"):
            v["exp_sum"] = np.exp(y).sum(keepdims=True)
        # −ln p[target], but without p's underflow.
        v["loss"] = np.array([y.max() - y[target] + np.log(np.exp(y - y.max()).sum())])
        v["T"], v["V"] = np.array([len(symbols) - 1]), np.array([config.output_size])
        v["even"] = np.log(v["V"])
        v["dy"] = (p - one_hot[target]) / (len(symbols) - 1)
        yield Step(t + 1, symbol, target, v)


def _backward(shown: NamedWeights, v: Values, later: Values) -> None:
    """Adds to the values of one step their gradients; ``later`` are those of the step after, or nothing."""
    layer, matrices, cell = shown.config, shown.matrices, CELLS[shown.config.cell]
    v["dh.output"] = matrices["W_y.T"] @ v["dy"]
    v["dh.next"] = later.get("dh_prev", np.zeros(layer.hidden_size))
    v["dh"] = v["dh.output"] + v["dh.next"]
    cell.state_gradients(shown, v, later)
    for gate in cell.seeing_h(layer):
        s = cell.suffix(gate)
        v[f"dh_prev.{gate}"] = matrices[f"W{s or '_'}h.T"] @ v[f"da{s}"]
    v["dh_prev"] = np.sum([part for name, part in v.items() if name.startswith("dh_prev.")], axis=0)
