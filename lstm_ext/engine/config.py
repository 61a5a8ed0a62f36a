"""The settings of a whole model and of its optimizer; those of a layer are in ``cells``.

Both engines (the C core and its NumPy twin) read these, and so do checkpoints, so this is
the one place where a parameter's name, shape and position are decided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

import numpy as np

from ..arguments import Count, check_at_least, check_choice, check_types, check_within, checked, checked_keywords
from ..cells import CELLS, CellName
from ..cells.config import LayerConfig
from ..errors import ArgumentError

DtypeName = Literal["float32", "float64"]
OptimizerName = Literal["sgd", "rmsprop", "adagrad", "adam"]

DTYPES: tuple[DtypeName, ...] = get_args(DtypeName)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)


@checked
@checked_keywords
@dataclass(frozen=True, repr=False)
class ModelConfig:
    """Stacked recurrent layers and a softmax output layer over ``output_size`` symbols.

    ``dropout`` acts on what each layer hands upwards (Zaremba et al. 2014), the last layer's
    output to the softmax included, never on what it hands to its own next step.
    """

    input_size: int
    hidden_size: int
    output_size: int
    cell: CellName = "lstm"
    num_layers: int = 1
    reset_after: bool = False
    peephole: bool = False
    coupled: bool = False
    force: Mapping[str, float] = field(default_factory=dict)
    dropout: float = 0.0
    dtype: DtypeName = "float32"

    def __post_init__(self) -> None:
        check_at_least("output_size", self.output_size, 1)
        check_at_least("num_layers", self.num_layers, 1, 2**62)
        check_choice("dtype", self.dtype, DTYPES)
        check_types(self)
        check_within("dropout", self.dropout, 0.0, 1.0)
        self.layer(0)

    def __repr__(self) -> str:
        """Without what is at its default."""
        values = ((f.name, getattr(self, f.name), {} if f.name == "force" else f.default) for f in fields(self))
        shown = [f"{name}={value!r}" for name, value, default in values if value != default]
        return f"ModelConfig({', '.join(shown)})"

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
        """P, the number of parameters; computed without listing the layers."""
        first, further = (
            sum(math.prod(shape) for shape in self.layer(index).parameter_shapes().values()) for index in (0, 1)
        )
        return first + (self.num_layers - 1) * further + self.output_size * (self.hidden_size + 1)

    def parameter_views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Views of a flat array (P,) by the names and shapes of ``parameter_shapes()``.

        Raises ArgumentError for an array of another shape."""
        if flat.shape != (self.num_parameters,):
            raise ArgumentError(f"flat: got shape {flat.shape}, expected ({self.num_parameters},)")
        views, start = {}, 0
        for name, shape in self.parameter_shapes().items():
            end = start + math.prod(shape)
            views[name] = flat[start:end].reshape(shape)
            start = end
        return views

    def state_shape(self, batch_size: Count) -> tuple[int, int, int, int]:
        """(L, S, B, H): per layer its states, h and, for an LSTM (S = 2), c."""
        return (self.num_layers, len(CELLS[self.cell].states), batch_size, self.hidden_size)


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
    scales the whole gradient (all arrays together) down to that norm if it is larger (Pascanu et al.
    2013). 0 means off. Raises ArgumentError for an unknown kind or a number out of range.

    Sources: momentum Polyak (1964), RMSprop Tieleman and Hinton (2012), Adagrad Duchi et al. (2011),
    Adam Kingma and Ba (2015).
    """

    kind: OptimizerName = "adam"
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    rho: float = 0.95
    eps: float = 1e-8
    clip_norm: float = 5.0
    clip_value: float = 0.0

    def __post_init__(self) -> None:
        check_choice("optimizer", self.kind, OPTIMIZERS)
        check_types(self)
        for name in ("momentum", "beta1", "beta2", "rho"):
            check_within(name, getattr(self, name), 0.0, 1.0)
        for name in ("eps", "clip_norm", "clip_value"):
            check_within(name, getattr(self, name), 0.0, float("inf"))
