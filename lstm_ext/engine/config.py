"""What a network is made of: the settings of one layer, of a whole model and of its optimizer.

Both engines (the C core and its NumPy twin) read these, and so do checkpoints, so this is
the one place where a parameter's name, shape and position are decided.

One layer's weights are the textbook's ``W`` of shape (G·H, H+D) in ``W·[h, x] + b``. In memory
they lie transposed, as ``Wt`` (H+D, G·H): then the weights of one input symbol are one
contiguous row, and embedding a symbol is reading that row. ``W`` is the view ``Wt.T``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from ..arguments import check_choice, checked_keywords
from ..errors import ArgumentError

CellName = Literal["lstm", "gru", "rnn", "mingru"]
#: The gates of an LSTM that can be forced to a constant.
GateName = Literal["input", "forget", "output"]
DtypeName = Literal["float32", "float64"]
OptimizerName = Literal["sgd", "rmsprop", "adagrad", "adam"]

#: Row blocks of W for each cell, in PyTorch's order. ``G`` is their number.
BLOCKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n"), "rnn": ("h",), "mingru": ("z", "n")}
)
#: In the order of ``peephole``'s rows.
FORCEABLE: tuple[GateName, ...] = get_args(GateName)
DTYPES: tuple[DtypeName, ...] = get_args(DtypeName)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)


def _at_least(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{name}: got {value!r}, expected an integer of at least {least}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value < high:
        raise ArgumentError(f"{name}: got {value!r}, expected a number in [{low}, {high})")


@checked_keywords
@dataclass(frozen=True)
class LayerConfig:
    """One recurrent layer.

    ``force`` maps gate names of an LSTM ("input", "forget", "output") to the constant each is
    held at. ``coupled`` ties the input gate to the forget gate, i = 1 − f (Greff et al. 2015,
    CIFG). ``peephole`` adds diagonal connections from the cell to the gates (Gers and
    Schmidhuber 2000). ``reset_after`` chooses where a GRU applies its reset gate: False,
    before the matrix product, as in the textbook; True, after it, as in cuDNN and PyTorch.
    """

    cell: str
    input_size: int
    hidden_size: int
    reset_after: bool = False
    peephole: bool = False
    coupled: bool = False
    reverse: bool = False
    force: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("cell", self.cell, tuple(BLOCKS))
        _at_least("input_size", self.input_size, 1)
        _at_least("hidden_size", self.hidden_size, 1)
        for name in self.force:
            check_choice("force", name, FORCEABLE)
        if self.cell != "lstm":
            for name in ("peephole", "coupled", "force"):
                if getattr(self, name):
                    raise ArgumentError(f"{name}: got it for cell {self.cell!r}, expected it only for 'lstm'")
        if self.reset_after and self.cell != "gru":
            raise ArgumentError(f"reset_after: got True for cell {self.cell!r}, expected it only for 'gru'")

    @property
    def blocks(self) -> int:
        """G, the number of row blocks of W."""
        return len(BLOCKS[self.cell])

    @property
    def recurrent(self) -> bool:
        """Whether the first H columns of W are there, those that meet h."""
        return self.cell != "mingru"

    @property
    def keeps_extra(self) -> bool:
        """Whether ``Activations.extra`` is in use."""
        return self.cell in ("lstm", "gru")

    @property
    def state_arrays(self) -> int:
        """How many arrays the state has: 2 for an LSTM (h, c), otherwise 1 (h)."""
        return 2 if self.cell == "lstm" else 1

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes as they lie in memory: ``Wt`` (H+D, G·H), of a minGRU (D, G·H), ``b`` (G·H,) or, for a GRU with
        ``reset_after``, (G·H + H,), and for peepholes ``peephole`` (3, H), rows i, f, o."""
        h, rows = self.hidden_size, self.blocks * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "Wt": (h * self.recurrent + self.input_size, rows),
            "b": (rows + h if self.reset_after else rows,),
        }
        if self.peephole:
            shapes["peephole"] = (3, h)
        return shapes


@checked_keywords
@dataclass(frozen=True)
class ModelConfig:
    """Stacked recurrent layers and a softmax output layer over ``output_size`` symbols.

    ``dropout`` acts on what each layer hands upwards (Zaremba et al. 2014), the last layer's
    output to the softmax included, never on what it hands to its own next step.
    """

    input_size: int
    hidden_size: int
    output_size: int
    cell: str = "lstm"
    num_layers: int = 1
    reset_after: bool = False
    peephole: bool = False
    coupled: bool = False
    force: Mapping[str, float] = field(default_factory=dict)
    dropout: float = 0.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _at_least("output_size", self.output_size, 1)
        _at_least("num_layers", self.num_layers, 1)
        check_choice("dtype", self.dtype, DTYPES)
        _within("dropout", self.dropout, 0.0, 1.0)
        self.layer(0)

    def layer(self, index: int) -> LayerConfig:
        """One layer, counted from the input upwards."""
        return LayerConfig(
            cell=self.cell,
            input_size=self.input_size if index == 0 else self.hidden_size,
            hidden_size=self.hidden_size,
            reset_after=self.reset_after,
            peephole=self.peephole,
            coupled=self.coupled,
            force=self.force,
        )

    def layers(self) -> tuple[LayerConfig, ...]:
        """One ``LayerConfig`` per layer, from the input upwards."""
        return tuple(self.layer(index) for index in range(self.num_layers))

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every parameter's name and shape, in the order in which they lie in one flat array:
        ``layers.0.Wt``, ``layers.0.b``, (``layers.0.peephole``), …, ``output.W`` (V, H), ``output.b`` (V,)."""
        shapes = {
            f"layers.{index}.{name}": shape
            for index, layer in enumerate(self.layers())
            for name, shape in layer.parameter_shapes().items()
        }
        shapes["output.W"] = (self.output_size, self.hidden_size)
        shapes["output.b"] = (self.output_size,)
        return shapes

    @property
    def num_parameters(self) -> int:
        first, further = (
            sum(math.prod(shape) for shape in self.layer(index).parameter_shapes().values()) for index in (0, 1)
        )
        return first + (self.num_layers - 1) * further + self.output_size * (self.hidden_size + 1)

    def parameter_views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Views of a flat array (P,) by the names and shapes of ``parameter_shapes()``."""
        views, start = {}, 0
        for name, shape in self.parameter_shapes().items():
            end = start + math.prod(shape)
            views[name] = flat[start:end].reshape(shape)
            start = end
        return views

    def state_shape(self, batch_size: int) -> tuple[int, int, int, int]:
        """(L, S, B, H): per layer h and, for an LSTM (S = 2), c."""
        return (self.num_layers, self.layer(0).state_arrays, batch_size, self.hidden_size)


@checked_keywords
@dataclass(frozen=True)
class OptimizerConfig:
    """How gradients become updates; formulas and names as in PyTorch.

    ==========  =====================================================================
    sgd         v ← momentum·v + g;  p ← p − lr·v
    rmsprop     s ← rho·s + (1−rho)·g²;  p ← p − lr·g / (√s + eps)
    adagrad     s ← s + g²;  p ← p − lr·g / (√s + eps)
    adam        m ← β₁m + (1−β₁)g;  s ← β₂s + (1−β₂)g²;
                p ← p − lr·(m/(1−β₁ᵗ)) / (√(s/(1−β₂ᵗ)) + eps)
    ==========  =====================================================================

    ``clip_value`` first limits every entry of the gradient to ±clip_value; ``clip_norm`` then
    scales the whole gradient (all arrays together) down to that norm if it is larger. 0 means off.
    """

    kind: str = "adam"
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    rho: float = 0.95
    eps: float = 1e-8
    clip_norm: float = 5.0
    clip_value: float = 0.0

    def __post_init__(self) -> None:
        check_choice("optimizer", self.kind, OPTIMIZERS)
        for name in ("momentum", "beta1", "beta2", "rho"):
            _within(name, getattr(self, name), 0.0, 1.0)
        for name in ("eps", "clip_norm", "clip_value"):
            _within(name, getattr(self, name), 0.0, float("inf"))
