"""What the handbook's texts take from the library, so that they cannot drift from it: ``{{name arguments}}``.

``{{equations gru reset_after}}`` is replaced by what the function of that name in ``FACTS`` returns for these
arguments: a piece of a sentence or, alone on its line, a block of Markdown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lstm_ext.cells import CELLS, CellName
from lstm_ext.cells.config import LayerConfig
from lstm_ext.cells.stages import Stage
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.stages import backward_stages, forward_stages
from lstm_ext.train import diagnosis
from lstm_ext.train.run_config import DEFAULTS, DROPOUT, DROPOUT_FROM

_PLACE = re.compile(r"\{\{(\w+)([^}]*)\}\}")
#: Steps after which a valve's table says what is left.
STEPS = (1, 10, 100)
#: The longest equation that has its name beside it.
_EQUATION = 38


@dataclass(frozen=True)
class Sizes:
    """The sizes of a character model: V characters, H units, L layers."""

    vocabulary: int = 65
    hidden: int = 128
    layers: int = 1

    @classmethod
    def parse(cls, text: str) -> Sizes:
        """``V H L`` or ``V,H,L``; L may be left out. Raises ArgumentError."""
        words = re.split(r"[\s,]+", text.strip())
        if not 2 <= len(words) <= 3 or not all(re.fullmatch(r"\d{1,9}", word) and int(word) for word in words):
            raise ArgumentError(f"sizes: got {text!r}, expected V, H and layers, such as 65 128 1")
        return cls(*map(int, words))

    def __str__(self) -> str:
        return f"{self.vocabulary} {self.hidden} {self.layers}"


def fill(template: str, sizes: Sizes) -> str:
    """``template`` with every ``{{name arguments}}`` replaced by what the library says."""

    def put(place: re.Match[str]) -> str:
        name, arguments = place[1], place[2].split()
        return parameters(sizes) if name == "parameters" else FACTS[name](*arguments)

    return _PLACE.sub(put, template)


# ------------------------------------------------------------------------------------------------ valves


def sigmoid(x: float) -> float:
    """σ(x), for any x."""
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def kept(gate: float, steps: int) -> float:
    """What a gate of that value lets through after so many steps: gate^steps."""
    return gate**steps


def half_life(gate: float) -> float:
    """After how many steps half is left: ln ½ / ln gate; 0 for a closed gate, infinite for an open one."""
    if gate <= 0.0:
        return 0.0
    return math.inf if gate >= 1.0 else math.log(0.5) / math.log(gate)


def share(value: float) -> str:
    """A share as a percentage: 73.1 %, 0.0002 %, 4e-12 %, ≈ 0 %; never 100 % unless it is all."""
    percent = 100.0 * value
    if percent == 0 or percent == 100:
        return f"{percent:.0f} %"
    if percent < 1e-12:
        return "≈ 0 %"
    if percent < 1e-4:
        return f"{percent:.0e} %".replace("e-0", "e-")
    if percent < 1:
        return f"{percent:.1g} %"
    text = f"{percent:.1f} %" if percent < 99.95 else f"{percent:.3f} %"
    return text if not text.startswith("100") else "> 99.999 %"


def _valves() -> str:
    rows = ["| x | σ(x) | tanh(x) | 1 | 10 | 100 |", "|---:|---:|---:|---:|---:|---:|"]
    for x in (-3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0):
        gate = sigmoid(x)
        left = " | ".join(share(kept(gate, steps)) for steps in STEPS)
        rows.append(f"| {x:g} | {gate:.4f} | {math.tanh(x):.4f} | {left} |")
    return "\n".join(rows)


# ---------------------------------------------------------------------------------------------- equations


def layer(cell: CellName, *options: str) -> LayerConfig:
    """A layer of two inputs and three units; options as ``reset_after`` or ``forget=1``."""
    force = {name: float(value) for name, _, value in (option.partition("=") for option in options) if value}
    switches = {option: True for option in options if "=" not in option}
    return LayerConfig(cell=cell, input_size=2, hidden_size=3, force=force, **switches)


def _own(stages: Iterator[Stage] | tuple[Stage, ...]) -> list[Stage]:
    """Those that compute something."""
    return [stage for stage in stages if "=" in stage.equation or "is forced" in stage.equation]


def _code(stages: list[Stage]) -> str:
    width = max((len(stage.equation) for stage in stages if len(stage.equation) <= _EQUATION), default=0)
    lines = [
        f"{stage.equation:<{width}}   {stage.name}" if len(stage.equation) <= width else stage.equation
        for stage in stages
    ]
    return "\n".join(["```", *lines, "```"])


def _equations(cell: CellName, *options: str) -> str:
    """All of a cell's equations; those of the variant that differ, if ``options`` are given."""
    stages = _own(CELLS[cell].forward_stages(layer(cell, *options)))
    if options:
        plain = {stage.equation for stage in CELLS[cell].forward_stages(layer(cell))}
        stages = [stage for stage in stages if stage.equation not in plain]
    return _code(stages)


def _gradients(cell: CellName, *options: str) -> str:
    """The way back through a cell."""
    return _code(_own(CELLS[cell].backward_stages(layer(cell, *options))))


def _around(which: str) -> str:
    """What all cells share: the prediction and its error."""
    inside = {stage.id for stage in CELLS["rnn"].forward_stages(layer("rnn"))} | {"x"}
    if which == "prediction":
        return _code([s for s in _own(forward_stages(layer("rnn"), symbols=True)) if s.id not in inside])
    back = {stage.id for stage in CELLS["rnn"].backward_stages(layer("rnn"))}
    return _code([stage for stage in _own(backward_stages(layer("rnn"))) if stage.id not in back])


def _blocks(cell: CellName) -> str:
    """A cell's gates: what 0 and 1 mean."""
    rows = ["| gate | name | near 0 | near 1 |", "|---|---|---|---|"]
    rows += [
        f"| {block.name} | {block.title} | {block.low} | {block.high} |"
        for block in CELLS[cell].gates
        if block.squash == "σ"
    ]
    return "\n".join(rows)


# --------------------------------------------------------------------------------------------- parameters

#: What is counted: a cell with its options, and what it is called.
COUNTED: Mapping[str, tuple[CellName, tuple[str, ...]]] = {
    "LSTM": ("lstm", ()),
    "LSTM, peephole": ("lstm", ("peephole",)),
    "LSTM, coupled": ("lstm", ("coupled",)),
    "GRU": ("gru", ()),
    "GRU, reset_after": ("gru", ("reset_after",)),
    "RNN": ("rnn", ()),
    "minGRU": ("mingru", ()),
}


def formula(cell: CellName, *options: str) -> str:
    """The parameters of one layer as a formula in H units and D inputs, read from the shapes of its arrays."""
    config = layer(cell, *options)
    H, shapes = config.hidden_size, config.parameter_shapes()
    blocks = shapes["Wt"][1] // H
    weights = "H·(H + D)" if config.recurrent_rows else "H·D"
    terms = [f"{blocks}·{weights}" if blocks > 1 else weights]
    for name, shape in shapes.items():
        if name != "Wt":
            times = math.prod(shape) // H
            terms.append(f"{times}·H" if times > 1 else "H")
    return " + ".join(terms)


def network(cell: CellName, options: tuple[str, ...], sizes: Sizes) -> ModelConfig:
    """A character model of those sizes."""
    V = sizes.vocabulary
    switches = {option: True for option in options}
    return ModelConfig(
        input_size=V,
        hidden_size=sizes.hidden,
        output_size=V,
        cell=cell,
        num_layers=sizes.layers,
        **switches,  # type: ignore[arg-type]
    )


def parameters(sizes: Sizes) -> str:
    """How many parameters networks of those sizes have, and by what formula."""
    V, H, L = sizes.vocabulary, sizes.hidden, sizes.layers
    rows = ["| cell | layer 1 | above | in all |", "|---|---:|---:|---:|"]
    for name, (cell, options) in COUNTED.items():
        config = network(cell, options, sizes)
        first, above = (
            sum(math.prod(shape) for shape in config.layer(index).parameter_shapes().values()) for index in (0, 1)
        )
        rows.append(f"| {name} | {first:,} | {above:,} | {config.num_parameters:,} |")
    lines = [
        f"**V = {V:,} characters, H = {H:,} units, {L:,} layer{'s' * (L > 1)}**",
        "",
        *rows,
        "",
        f"All of these include the output layer: V·H + V = {V * H + V:,}.",
    ]
    return "\n".join(lines)


def _formulas() -> str:
    rows = ["| cell | parameters of one layer |", "|---|---|"]
    rows += [f"| {name} | {formula(cell, *options)} |" for name, (cell, options) in COUNTED.items()]
    return "\n".join(rows)


# ----------------------------------------------------------------------------------- settings, diagnosis


def _default(name: str) -> str:
    value = DEFAULTS[name]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _percentage(name: str) -> str:
    return f"{100 * DEFAULTS[name]:g} %"


def _usual(kind: str) -> str:
    low, high = diagnosis.USUAL_RATES[kind]
    return f"{low:g} to {high:g}"


def _diagnosis(name: str) -> str:
    value = getattr(diagnosis, name)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


#: What can stand in a text, besides ``parameters``.
FACTS: Mapping[str, Callable[..., str]] = {
    "valves": _valves,
    "equations": _equations,
    "gradients": _gradients,
    "around": _around,
    "gates": _blocks,
    "formulas": _formulas,
    "default": _default,
    "percentage": _percentage,
    "dropout": lambda: f"{DROPOUT:g} from {DROPOUT_FROM} units on, else 0",
    "usual": _usual,
    "diagnosis": _diagnosis,
    "percent": lambda name: f"{100 * getattr(diagnosis, name):g} %",
    "sigmoid": lambda x: f"{sigmoid(float(x)):.3f}",
    "kept": lambda x, steps: share(kept(sigmoid(float(x)), int(steps))),
}
