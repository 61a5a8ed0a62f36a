"""Surgery: hold a gate or a unit of a network at a constant, or scale one of its matrices, and see what it loses.

Every operation is a change of the weights, so the network stays one that any engine runs, and can be saved:

==============  ==================================================================================================
``f=1``         the forget gate of all units is 1: its weights are 0, its bias is σ⁻¹(1)
``f[3]=0.5``    that of unit 3
``h[3]=0``      everything that reads unit 3 reads 0 instead: its own layer at the next step, and what is above
``W_hh*0.9``    the recurrent weights of all gates times 0.9; ``W_xh`` are those of the input, ``W_fh`` and ``W_fx``
                parts of one gate's, ``W_y`` the softmax's
``2:f=1``       in the second layer; without a number, in the first
==============  ==================================================================================================

A unit that is held reads as that value before the first character, too. σ⁻¹(0) and σ⁻¹(1) are −100 and 100.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import Count, Seed, checked
from ..cells import CELLS
from ..cells.cell import Block
from ..cells.config import LayerConfig, Weights
from ..cells.functions import quiet
from ..data import Vocabulary
from ..engine.config import ModelConfig
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel
from ..train.evaluation import Evaluation, evaluate

_FORM = re.compile(r"(?:(\d{1,9}):)?([A-Za-z][A-Za-z_]*)(?:\[(\d{1,9})\])?([=*])([^=*]+)")
#: σ and tanh of these are 0 and ±1 in float32 and, but for 4e-44, in float64.
_SATURATED = {"σ": 100.0, "tanh": 20.0}
_EXPECTED = "expected a form like f=1, f[3]=0.5, h[3]=0, W_hh*0.9 or, for the second layer, 2:f=1"


@checked
@dataclass(frozen=True)
class Edit:
    """One operation. Written as text it is what ``parse`` reads."""

    #: A gate, "h", or a matrix.
    target: str
    #: What it is held at, or multiplied by.
    value: float
    #: Of a gate or h, counted from 0; None: all of them.
    unit: int | None = None
    #: Counted from 0.
    layer: int = 0

    @property
    def scales(self) -> bool:
        """Whether it multiplies a matrix."""
        return self.target.startswith("W")

    def __str__(self) -> str:
        layer = f"{self.layer + 1}:" if self.layer else ""
        unit = "" if self.unit is None else f"[{self.unit}]"
        value = repr(float(self.value)).removesuffix(".0")
        return f"{layer}{self.target}{unit}{'*' if self.scales else '='}{value}"

    def describe(self, config: ModelConfig) -> str:
        """In words: the forget gate of unit 3 is held at 0.5. Raises ArgumentError for what the cell has not."""
        where = f" of layer {self.layer + 1}" if config.num_layers > 1 and self.target != "W_y" else ""
        if self.scales:
            return f"{self.target}{where} times {self.value:g}"
        whose = "every unit" if self.unit is None else f"unit {self.unit}"
        if self.target == "h":
            return f"{whose}{where} is held at {self.value:g}"
        block = next((block for block in CELLS[config.cell].gates if block.name == self.target), None)
        if block is None:
            raise ArgumentError(f"target: got {self.target!r}, expected h, a matrix or a gate of this cell")
        name = f"{block.title} gate" if block.span == "gate" else block.title
        return f"the {name} of {whose}{where} is held at {self.value:g}"


@checked
def parse(text: str) -> Edit:
    """The operation that ``text`` describes, as in the module's table. Raises ArgumentError."""
    found = _FORM.fullmatch(re.sub(r"\s", "", text))
    if found is None:
        raise ArgumentError(f"operation: got {text!r}, {_EXPECTED}")
    layer, target, unit, sign, number = found.groups()
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    edit = Edit(target, value, None if unit is None else int(unit), int(layer or 1) - 1)
    if (sign == "*") != edit.scales or edit.layer < 0 or not math.isfinite(value):
        raise ArgumentError(f"operation: got {text!r}, {_EXPECTED}")
    return edit


@checked
def matrices(config: ModelConfig) -> list[str]:
    """What can be scaled, by name."""
    cell = CELLS[config.cell]
    suffixes = [cell.suffix(block.name) for block in cell.blocks if cell.suffix(block.name)]
    recurrent = ["W_hh", *(f"W{suffix}h" for suffix in suffixes)] if cell.recurrent else []
    return [*recurrent, "W_xh", *(f"W{suffix}x" for suffix in suffixes), "W_y"]


@checked
def held(config: ModelConfig) -> list[Block]:
    """The gates and candidates that can be held at a value."""
    cell = CELLS[config.cell]
    return [block for block in cell.gates if block.name in cell.learned(config.layer(0))]


@checked
def operate(model: LanguageModel, edits: Sequence[Edit]) -> LanguageModel:
    """A copy of ``model`` on which the operations were done in their order. Raises ArgumentError for one that it does
    not allow."""
    patient = model.copy()
    for edit in edits:
        apply(patient, edit)
    return patient


@checked
@quiet
def apply(model: LanguageModel, edit: Edit) -> None:
    """Do one operation in place. Raises ArgumentError, and has then changed nothing."""
    config = model.config
    check(config, edit)
    parameters = config.parameter_views(model.parameters)
    if edit.target == "W_y":
        parameters["output.W"][...] *= edit.value
        return
    layer = config.layer(edit.layer)
    weights = _weights(config, parameters, edit.layer)
    if edit.scales:
        rows, columns = _part(layer, edit.target)
        weights.Wt[rows, columns] *= edit.value
    elif edit.target == "h":
        for unit in range(config.hidden_size) if edit.unit is None else [edit.unit]:
            CELLS[config.cell].hold_unit(layer, weights, unit, edit.value)
            _hold_above(config, parameters, edit.layer, unit, edit.value)
    else:
        units = slice(0, config.hidden_size) if edit.unit is None else slice(edit.unit, edit.unit + 1)
        block = next(block for block in CELLS[config.cell].gates if block.name == edit.target)
        CELLS[config.cell].hold_block(layer, weights, block.name, units, _argument(block, edit.value))


@checked
def check(config: ModelConfig, edit: Edit) -> None:
    """Raises ArgumentError for an operation that a network of ``config`` does not allow."""
    cell, name = CELLS[config.cell], str(edit)
    if edit.layer >= config.num_layers:
        raise ArgumentError(f"operation: got {name}, expected a layer of 1 to {config.num_layers}")
    if edit.unit is not None and edit.unit >= config.hidden_size:
        raise ArgumentError(f"operation: got {name}, expected a unit of 0 to {config.hidden_size - 1}")
    if edit.scales:
        if edit.target not in matrices(config) or edit.unit is not None:
            raise ArgumentError(f"operation: got {name}, expected one of {', '.join(matrices(config))}, and no unit")
        return
    if edit.target == "h":
        cell.hold_unit(config.layer(0), _nothing(config), 0, edit.value)
        return
    block = next((block for block in cell.gates if block.name == edit.target), None)
    if block is None:
        known = ", ".join(["h", *(block.name for block in cell.gates), *matrices(config)])
        raise ArgumentError(f"operation: got {name}, expected one of {known} for this {cell.title}")
    low, high = {"σ": (0.0, 1.0), "tanh": (-1.0, 1.0), "": (-math.inf, math.inf)}[block.squash]
    if not low <= edit.value <= high:
        raise ArgumentError(f"operation: got {name}, expected a value of {low:g} to {high:g}")
    cell.hold_block(config.layer(0), _nothing(config), block.name, slice(0, 1), 0.0)


@checked
def importance(model: LanguageModel, symbols: np.ndarray, layer: Count = 0) -> Iterator[float]:
    """The loss on ``symbols`` (N,) with each unit of a layer at 0, one after the other, in mean nats per symbol.

    Layers count from 0. What a unit is worth is this less the loss of the whole network, as ``evaluate`` gives it.
    """
    patient = model.copy()
    for unit in range(model.config.hidden_size):
        patient.load(model.parameters)
        apply(patient, Edit("h", 0.0, unit, layer))
        yield evaluate(patient, symbols).nats


@checked
@dataclass(frozen=True)
class Sampling:
    """How a network is asked to write: the same settings give the same text from the same network."""

    prime: str
    length: Count = 200
    temperature: float = 0.8
    seed: Seed = 0


@checked
@dataclass(frozen=True)
class Condition:
    """How a network does: its loss in nats, and what it wrote after the prime."""

    evaluation: Evaluation
    written: str


@checked
def condition(model: LanguageModel, symbols: np.ndarray, vocabulary: Vocabulary, sampling: Sampling) -> Condition:
    """The loss of ``model`` on ``symbols`` (N,), in nats per symbol, and a sample. Raises ArgumentError, and DataError
    for a prime that it cannot read."""
    drawn = model.sample(
        vocabulary.encode(sampling.prime), sampling.length, temperature=sampling.temperature, seed=sampling.seed
    )
    return Condition(evaluate(model, symbols), vocabulary.decode(drawn))


def _weights(config: ModelConfig, parameters: dict[str, np.ndarray], layer: int) -> Weights:
    names = config.layer(layer).parameter_shapes()
    return Weights(**{name: parameters[f"layers.{layer}.{name}"] for name in names})


def _nothing(config: ModelConfig) -> Weights:
    """Weights to try an operation on."""
    return Weights(**{name: np.zeros(shape) for name, shape in config.layer(0).parameter_shapes().items()})


def _hold_above(config: ModelConfig, parameters: dict[str, np.ndarray], layer: int, unit: int, value: float) -> None:
    """What reads the unit from above reads ``value``: the next layer's input, or the softmax."""
    if layer + 1 == config.num_layers:
        column, bias = parameters["output.W"][:, unit], parameters["output.b"]
    else:
        above = _weights(config, parameters, layer + 1)
        column, bias = above.Wt[config.layer(layer + 1).recurrent_rows + unit], above.b
    bias[: column.size] += value * column
    column[...] = 0


def _part(layer: LayerConfig, matrix: str) -> tuple[slice, slice]:
    """Rows and columns of Wt: the whole of W_hh and W_xh, of W_fh and W_fx one gate's."""
    cell, H = CELLS[layer.cell], layer.hidden_size
    recurrent = matrix == "W_hh" or (matrix != "W_xh" and matrix.endswith("h"))
    rows = slice(0, layer.recurrent_rows) if recurrent else slice(layer.recurrent_rows, None)
    names = [f"W{cell.suffix(block.name)}{matrix[-1]}" for block in cell.blocks]
    if matrix in ("W_hh", "W_xh"):
        return rows, slice(None)
    first = names.index(matrix) * H
    return rows, slice(first, first + H)


def _argument(block: Block, value: float) -> float:
    """The pre-activation that gives ``value``."""
    if not block.squash:
        return value
    limit = _SATURATED[block.squash]
    if block.squash == "σ":
        return limit if value == 1 else -limit if value == 0 else math.log(value / (1 - value))
    return math.copysign(limit, value) if abs(value) == 1 else math.atanh(value)
