"""A model's reading of one short text, one gate at a time: forward to the loss, then backward to every weight.

The engine computes gates, states, scores and weight gradients; this module takes them from it and adds what
an engine has no need to keep: the summands of each pre-activation and, step by step, the gradient of
everything on the way. ``Walk.difference`` says how far the sum of these steps is from the engine's gradient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..data import Vocabulary
from ..engine.config import BLOCKS, LayerConfig, ModelConfig, OptimizerConfig
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel
from ..nn.losses import softmax
from .stages import UPDATE_STAGES, Part, Stage, at_step, backward_stages, forward_stages, learned_gates, suffix

Values = dict[str, np.ndarray]

#: Values with one entry per symbol of the vocabulary; of these the target's is written out.
_PER_SYMBOL = frozenset({"y", "y.hidden", "y.bias", "p", "dy"})


@dataclass(frozen=True)
class Step:
    """One character: number ``t`` (from 1) of the text, a symbol, the symbol to predict, and all values by name.

    Names are the stages' ids, and their parts' keys; shapes (H,), (V,), (D,) or (1,).
    """

    t: int
    symbol: int
    target: int
    values: Values


@dataclass(frozen=True)
class WeightRow:
    """What one step adds to the gradients of one unit's weights in one block of W, and to its bias."""

    weights: str
    #: d(pre-activation), which is also what is added to the bias.
    da: float
    #: (H,) and (D,): the columns that meet the state and the input.
    recurrent: np.ndarray
    input: np.ndarray


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
    #: The engine's gradient: sizes per array, norm, clipping.
    update: Step
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

    def weight_rows(self, step: Step, unit: int) -> list[WeightRow]:
        """What one step adds to the gradients of one unit's weights: a row for each block of W that learns."""
        layer = self.layer
        rows = []
        for gate in learned_gates(layer):
            into_state, state, into_input = _factors(layer, step.values, gate)
            da = float(into_input[unit])
            name = f"W{suffix(layer.cell, gate)}"
            rows.append(WeightRow(name, da, into_state[unit] * state, da * step.values["x"]))
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
            "difference": self.difference,
        }


@dataclass(frozen=True)
class PartLine:
    """One summand written out: its name, its symbol with this step's subscripts, its value, and how it comes
    about where that is a short matrix product (else ""), such as "0.21·0.05 - 0.33·0.02"."""

    label: str
    symbol: str
    value: float
    product: str


@dataclass(frozen=True)
class Moment:
    """One stage at one step: what a walker looks at. ``phase`` is "forward", "backward" or "update"."""

    walk: Walk
    step: Step
    stage: Stage
    phase: str

    @property
    def symbol(self) -> str:
        """The stage's symbol with this step's subscripts, such as C₂."""
        return at_step(self.stage.symbol, self.step.t)

    @property
    def equation(self) -> str:
        """The equation with this step's subscripts."""
        return at_step(self.stage.equation, self.step.t)

    @property
    def values(self) -> np.ndarray:
        """The values of all units (or symbols, or arrays); for weights, the matrix of one step's contributions."""
        if self.stage.id == "dW":
            return weight_gradient(self.walk.layer, self.step.values)["W"]
        if self.stage.id == "dW_y":
            return weight_gradient(self.walk.layer, self.step.values)["W_y"]
        return self.step.values[self.stage.id]

    def value(self, unit: int) -> float | None:
        """The value that is written out: the unit's, or the target's; None where there is no single one."""
        if self.stage.axis in ("weights", "array", "input"):
            return None
        return self._number(self.stage.id, unit)

    def filled(self, unit: int) -> str:
        """The right side of the equation with the unit's numbers; "" where there is nothing to compute."""
        return self._fill(self.stage.filled, unit)

    def meaning(self, unit: int) -> str:
        """What the stage is for, in a sentence or two."""
        return self._fill(self.stage.meaning, unit)

    def parts(self, unit: int, *, most: int = 4) -> list[PartLine]:
        """The summands of the value; products of at most ``most`` terms are written out."""
        return [
            PartLine(
                part.label,
                at_step(part.symbol, self.step.t),
                self._number(part.key, unit),
                self._product(part, unit, most),
            )
            for part in self.stage.parts
        ]

    def _product(self, part: Part, unit: int, most: int) -> str:
        if not part.matrix:
            return ""
        if part.vector == "x" and self.walk.config.num_layers == 1:
            symbol = self.walk.vocabulary.symbols[self.step.symbol]
            return f"column {symbol!r} of {part.matrix}"
        row = self.walk.matrices[part.matrix][self._index(part.key, unit)]
        vector = self.step.values[part.vector]
        if vector.size > most:
            return ""
        pairs = zip(row, vector, strict=True)
        return _signs(" + ".join(f"{format_number(w)}·{format_number(v)}" for w, v in pairs))

    def _index(self, key: str, unit: int) -> int:
        if key in _PER_SYMBOL:
            return self.step.target
        return unit if self.step.values[key].size > 1 else 0

    def _number(self, key: str, unit: int) -> float:
        number = self.step.values[key][self._index(key, unit)]
        return int(number) if isinstance(number, np.integer) else float(number)

    def _fill(self, template: str, unit: int) -> str:
        def put(place: re.Match[str]) -> str:
            key, percent = place.groups()
            if key == "unit":
                return str(unit + 1)
            number = self._number(key, unit)
            return f"{100 * number:.3g} %" if percent else format_number(number)

        return _signs(re.sub(r"\{([\w.]+)(:%)?\}", put, template))


def _signs(text: str) -> str:
    """Negative numbers as one writes them: a + -b as a - b, a·-b as a·(-b), -b² as (-b)²."""
    text = re.sub(r"(?<=[·-] )(-[\d.e-]+)|(?<=·)(-[\d.e-]+)|(-[\d.e-]+)(?=²)", lambda found: f"({found[0]})", text)
    return text.replace("+ -", "- ")


def format_number(value: float) -> str:
    """At most 8 characters, three digits that count or more: 0.7311, -0.00149, 2.2e-04; whole numbers as they are."""
    if isinstance(value, int) or not np.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if size < 0.00095 or size >= 999:
        return f"{value:.1e}"
    decimals = 5 if size < 0.0095 else 4 if size < 100 else 2
    return f"{value:.{decimals}f}"


def walk(model: LanguageModel, text: str, vocabulary: Vocabulary, *, clip_norm: float | None = None) -> Walk:
    """Walks ``model`` through ``text``, starting from a zero state.

    Of stacked layers the last one is shown; its input then is the output of the layer below. The loss is
    the mean over all characters but the first. The work is done in float64 by the model's kind of engine,
    on a copy of the weights, so a model in training is not disturbed. ``clip_norm`` defaults to the
    optimizer's. Raises ValueError for a text of less than two characters or with unknown ones.
    """
    if len(text) < 2:
        raise ArgumentError(
            f"text: got {text!r}, expected at least 2 characters, so that there is a next one to predict"
        )
    symbols = vocabulary.encode(text)
    copy = LanguageModel(replace(model.config, dtype="float64", dropout=0.0), backend=model.backend)
    copy.load(model.parameters)
    shown = _Shown.of(copy)
    inputs, targets = _pairs(symbols)
    loss = copy.engine.forward(inputs, targets, copy.zero_state())
    steps = tuple(_forward(copy, shown, symbols))
    copy.engine.backward()
    later: Values = {}
    for step in reversed(steps):
        _backward(shown, step.values, later)
        later = step.values

    gradients = {name: array.copy() for name, array in _top(copy.gradients()).items()}
    sums = {name: np.zeros_like(array) for name, array in gradients.items()}
    for step in steps:
        for name, part in weight_gradient(shown.layer, step.values).items():
            sums[name] += part
    sizes = _sizes(shown.layer, gradients, copy.gradients())
    squares = float(copy.gradient @ copy.gradient)
    norm, limit = squares**0.5, OptimizerConfig().clip_norm if clip_norm is None else clip_norm
    difference = max(float(np.abs(gradients[name] - sums[name]).max()) for name in gradients)
    update = {
        "total": np.array(list(sizes.values())),
        "difference": np.array([difference]),
        "squares": np.array([squares]),
        "norm": np.array([norm]),
        "limit": np.array([limit]),
        "scale": np.array([limit / norm if 0 < limit < norm else 1.0]),
    }
    return Walk(
        text=text,
        vocabulary=vocabulary,
        config=copy.config,
        backend=copy.backend,
        loss=loss,
        steps=steps,
        update=Step(0, steps[-1].symbol, steps[-1].target, update),
        arrays=tuple(sizes),
        matrices=shown.matrices,
        gradients=gradients,
    )


def spelling_model(
    text: str,
    *,
    cell: str = "lstm",
    hidden_size: int = 3,
    reset_after: bool = False,
    trained: bool = False,
    seed: int = 0,
    backend: str | None = None,
) -> tuple[LanguageModel, Vocabulary]:
    """A one-layer model that knows just the characters of ``text``, and its vocabulary.

    ``trained``: taught ``text`` until every next character has a probability of at least 0.9 (Adam, from a
    zero state each time), or for as long as is bearable: a long text may not be learned in full.
    """
    vocabulary = Vocabulary("".join(sorted(set(text))))
    size = len(vocabulary)
    config = ModelConfig(size, hidden_size, size, cell=cell, reset_after=reset_after, dtype="float64")
    model = LanguageModel(config, seed=seed, backend=backend)
    if trained and len(text) > 1:
        _teach(model, vocabulary.encode(text))
    return model, vocabulary


def weight_gradient(layer: LayerConfig, values: Values) -> Values:
    """What one step adds to the gradients of W (G·H, H+D), b, peephole (3, H), W_y (V, H) and b_y (V,)."""
    x, zero = values["x"], np.zeros(layer.hidden_size)
    rows, biases = [], []
    for gate in BLOCKS[layer.cell]:
        into_state, state, into_input = _factors(layer, values, gate)
        rows.append(np.hstack([np.outer(into_state, state), np.outer(into_input, x)]))
        biases.append(into_input)
    if layer.reset_after:
        biases.append(values["dm"])
    result = {"W": np.vstack(rows), "b": np.concatenate(biases)}
    if layer.peephole:
        seen = {"i": "c_prev", "f": "c_prev", "o": "c"}
        result["peephole"] = np.stack([values.get(f"da_{gate}", zero) * values[c] for gate, c in seen.items()])
    return result | {"W_y": np.outer(values["dy"], values["h"]), "b_y": values["dy"]}


def _pairs(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets as an engine wants them, (T, 1) int32."""
    column = np.ascontiguousarray(symbols, dtype=np.int32)[:, None]
    return column[:-1], column[1:]


def _teach(model: LanguageModel, symbols: np.ndarray) -> None:
    inputs, targets = _pairs(symbols)
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
    """W, b and peephole gate by gate: W_f (H, H+D), b_f (H,), p_f (H,), …"""
    h = layer.hidden_size
    blocks: Values = {}
    for index, gate in enumerate(BLOCKS[layer.cell]):
        s, rows = suffix(layer.cell, gate), slice(index * h, (index + 1) * h)
        blocks[f"W{s}"], blocks[f"b{s}"] = arrays["W"][rows], arrays["b"][rows]
        if layer.peephole and gate in "ifo":
            blocks[f"p{s}"] = arrays["peephole"]["ifo".index(gate)]
    if layer.reset_after:
        blocks["b_nh"] = arrays["b"][-h:]
    return blocks | {"W_y": arrays["W_y"], "b_y": arrays["b_y"]}


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


def _factors(layer: LayerConfig, values: Values, gate: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A block's weight gradient in factors (H,): d(where W·state goes), that state, d(where W·x goes)."""
    if gate not in learned_gates(layer):
        zero = np.zeros(layer.hidden_size)
        return zero, values["h_prev"], zero
    da = values[f"da{suffix(layer.cell, gate)}"]
    if gate == "n":
        return (values["dm"], values["h_prev"], da) if layer.reset_after else (da, values["s"], da)
    return da, values["h_prev"], da


@dataclass(frozen=True)
class _Shown:
    """The layer that is shown, its weights gate by gate, and the parts of them that meet h and x."""

    layer: LayerConfig
    #: W_f, b_f, p_f, …
    blocks: Values
    #: W_fh, W_fx, …, W_y, and their transposes.
    matrices: Values

    @classmethod
    def of(cls, model: LanguageModel) -> _Shown:
        layer = model.config.layers()[-1]
        blocks, h = _blocks(layer, _top(model.weights())), layer.hidden_size
        matrices = {"W_y": blocks["W_y"]}
        for gate in BLOCKS[layer.cell]:
            s = suffix(layer.cell, gate)
            matrices[f"W{s or '_'}h"], matrices[f"W{s or '_'}x"] = blocks[f"W{s}"][:, :h], blocks[f"W{s}"][:, h:]
        return cls(layer, blocks, matrices | {f"{name}.T": array.T for name, array in matrices.items()})


def _forward(model: LanguageModel, shown: _Shown, symbols: np.ndarray) -> Iterator[Step]:
    """Every value of the forward pass: the engine's, and the summands of what it put into σ and tanh."""
    config, layer = model.config, shown.layer
    acts = model.engine.activations(config.num_layers - 1)
    below = model.engine.activations(config.num_layers - 2) if config.num_layers > 1 else None
    scores = model.engine.logits()[:, 0]
    one_hot = np.eye(config.output_size)
    for t, (symbol, target) in enumerate(zip(symbols[:-1].tolist(), symbols[1:].tolist(), strict=True)):
        v: Values = {gate: block[t, 0] for gate, block in acts.blocks.items()}
        v["x"] = one_hot[symbol] if below is None else below.output[t, 0]
        v["h_prev"], v["h"] = acts.previous[t, 0], acts.output[t, 0]
        if layer.cell == "lstm" and acts.extra is not None:
            v["c_prev"], v["c"], v["tanh_c"] = acts.c_previous[t, 0], acts.c_output[t, 0], acts.extra[t, 0]
            v["c.kept"], v["c.written"] = v["f"] * v["c_prev"], v["i"] * v["g"]
        elif layer.cell == "gru" and acts.extra is not None:
            v["m" if layer.reset_after else "s"] = acts.extra[t, 0]
            v["h.kept"], v["h.renewed"] = (1 - v["z"]) * v["h_prev"], v["z"] * v["n"]
        for gate in learned_gates(layer):
            _preactivation(shown, v, gate)

        v["y"] = y = scores[t]
        v["y.hidden"], v["y.bias"] = shown.matrices["W_y"] @ v["h"], shown.blocks["b_y"]
        v["p"] = p = softmax(y)
        with np.errstate(over="ignore"):
            v["exp_sum"] = np.exp(y).sum(keepdims=True)
        # −ln p[target], but without p's underflow.
        v["loss"] = np.array([y.max() - y[target] + np.log(np.exp(y - y.max()).sum())])
        v["T"], v["V"] = np.array([len(symbols) - 1]), np.array([config.output_size])
        v["even"] = np.log(v["V"])
        v["dy"] = (p - one_hot[target]) / (len(symbols) - 1)
        yield Step(t + 1, symbol, target, v)


def _preactivation(shown: _Shown, v: Values, gate: str) -> None:
    """a = W·[h, x] + b, summand by summand."""
    layer, matrices, blocks = shown.layer, shown.matrices, shown.blocks
    s = suffix(layer.cell, gate)
    parts = {
        "recurrent": matrices[f"W{s or '_'}h"] @ v["s" if "s" in v and gate == "n" else "h_prev"],
        "input": matrices[f"W{s or '_'}x"] @ v["x"],
        "bias": blocks[f"b{s}"],
    }
    if gate == "n" and layer.reset_after:
        v["m.recurrent"], v["m.bias"] = parts["recurrent"], blocks["b_nh"]
        parts["recurrent"] = v["r"] * v["m"]
    if f"p{s}" in blocks:
        parts["peephole"] = blocks[f"p{s}"] * v["c" if gate == "o" else "c_prev"]
    v[f"a{s}"] = np.sum(list(parts.values()), axis=0)
    v.update({f"a{s}.{name}": part for name, part in parts.items()})


def _backward(shown: _Shown, v: Values, later: Values) -> None:
    """Adds to the values of one step their gradients; ``later`` are those of the step after, or nothing."""
    layer, matrices = shown.layer, shown.matrices
    v["dh.output"] = matrices["W_y.T"] @ v["dy"]
    v["dh.next"] = later.get("dh_prev", np.zeros(layer.hidden_size))
    v["dh"] = v["dh.output"] + v["dh.next"]
    if layer.cell == "lstm":
        v["dc.next"] = later.get("dc_prev", np.zeros(layer.hidden_size))
        _lstm_backward(shown, v)
    elif layer.cell == "gru":
        _gru_backward(shown, v)
    else:
        v["da"] = v["dh"] * (1 - v["h"] ** 2)
    for gate in learned_gates(layer):
        if gate != "n":  # the candidate of a GRU has a way back of its own
            s = suffix(layer.cell, gate)
            v[f"dh_prev.{gate}"] = matrices[f"W{s or '_'}h.T"] @ v[f"da{s}"]
    v["dh_prev"] = np.sum([part for name, part in v.items() if name.startswith("dh_prev.")], axis=0)


def _lstm_backward(shown: _Shown, v: Values) -> None:
    """Against the order of the forward pass: o, then C, then what went into C."""
    layer, learned, blocks = shown.layer, learned_gates(shown.layer), shown.blocks
    v["do"] = v["dh"] * v["tanh_c"]
    v["dc.hidden"] = v["dh"] * v["o"] * (1 - v["tanh_c"] ** 2)
    v["dc"] = v["dc.hidden"] + v["dc.next"]
    if "o" in learned:
        v["da_o"] = v["do"] * v["o"] * (1 - v["o"])
        if layer.peephole:  # o looked at Cₜ
            v["dc.peephole"] = blocks["p_o"] * v["da_o"]
            v["dc"] = v["dc"] + v["dc.peephole"]
    v["di"] = v["dc"] * v["g"]
    if "i" in learned:
        v["da_i"] = v["di"] * v["i"] * (1 - v["i"])
    v["df.kept"] = v["df"] = v["dc"] * v["c_prev"]
    if layer.coupled and "input" not in layer.force:  # i = 1 − f
        v["df.input"] = -v["di"]
        v["df"] = v["df"] + v["df.input"]
    if "f" in learned:
        v["da_f"] = v["df"] * v["f"] * (1 - v["f"])
    v["dg"] = v["dc"] * v["i"]
    v["da_g"] = v["dg"] * (1 - v["g"] ** 2)
    v["dc_prev.kept"] = v["dc_prev"] = v["dc"] * v["f"]
    for gate in "fi":
        if layer.peephole and gate in learned:  # they looked at Cₜ₋₁
            v[f"dc_prev.{gate}"] = blocks[f"p_{gate}"] * v[f"da_{gate}"]
            v["dc_prev"] = v["dc_prev"] + v[f"dc_prev.{gate}"]


def _gru_backward(shown: _Shown, v: Values) -> None:
    """h = (1 − z)⊙h' + z⊙n, then z, n and, through n, r."""
    matrices = shown.matrices
    v["dz"] = v["dh"] * (v["n"] - v["h_prev"])
    v["da_z"] = v["dz"] * v["z"] * (1 - v["z"])
    v["dn"] = v["dh"] * v["z"]
    v["da_n"] = v["dn"] * (1 - v["n"] ** 2)
    if shown.layer.reset_after:
        v["dm"] = v["da_n"] * v["r"]
        v["dr"] = v["da_n"] * v["m"]
        v["dh_prev.n"] = matrices["W_nh.T"] @ v["dm"]
    else:
        v["ds"] = matrices["W_nh.T"] @ v["da_n"]
        v["dr"] = v["ds"] * v["h_prev"]
        v["dh_prev.n"] = v["ds"] * v["r"]
    v["da_r"] = v["dr"] * v["r"] * (1 - v["r"])
    v["dh_prev.kept"] = v["dh"] * (1 - v["z"])
