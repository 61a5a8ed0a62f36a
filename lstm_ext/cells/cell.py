"""What a cell is: everything that the rest of the library needs to know about ``lstm``, ``gru`` and the others.

A cell is one class, with one object in ``CELLS``. It begins with its parts, as plain data. Its equations follow three
times: ``step``, as a textbook writes them, slow and independent of everything else; ``forward`` and ``backward``, of
the NumPy twin, over whole sequences; and ``forward_stages`` with what follows it, stage by stage, for the walk through
the gates. The C core has one file per cell as well, in ``csrc/kernel/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from .circuit import Circuit
from .code import Code
from .stages import Span, Stage

if TYPE_CHECKING:
    from .activations import Activations
    from .config import LayerConfig, Weights

Values = dict[str, np.ndarray]
Framework = Literal["PyTorch", "Keras"]


@dataclass(frozen=True)
class Block:
    """A row block of W."""

    #: Its letter, as in W_f.
    name: str
    #: Its name: forget, input, candidate …
    title: str
    #: The function of its pre-activation.
    squash: Literal["σ", "tanh", ""]
    #: What 0 and 1 mean, of a gate.
    low: str = ""
    high: str = ""
    #: The key that shows it in the lab; its letter, unless another one is better known.
    key: str = ""

    @property
    def span(self) -> Span:
        """The range of its values."""
        spans: dict[str, Span] = {"σ": "gate", "tanh": "tanh", "": "free"}
        return spans[self.squash]


@dataclass(frozen=True)
class State:
    """A state, which a step passes to the next one."""

    name: str
    title: str
    span: Span


HIDDEN = State("h", "hidden", "tanh")


@dataclass(frozen=True)
class Counterpart:
    """The same cell in another framework."""

    #: The name of its layer there.
    layer: str
    #: Its row blocks there, by our names.
    order: tuple[str, ...]
    #: Blocks that are 1 − ours, so that their weights change sign.
    negated: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedWeights:
    """One layer's weights gate by gate."""

    config: LayerConfig
    #: b_f, p_f, …: (H,)
    vectors: Values
    #: W_fh (H, H), W_fx (H, D), …, and transposed, W_fh.T
    matrices: Values


class Cell:
    """Described in ``lstm_ext.cells.cell``. A quote, as in h', means "of the step before"; a is a pre-activation."""

    # ------------------------------------------------------------------------------ what it consists of

    name: ClassVar[str]
    title: ClassVar[str]
    #: The row blocks of W, in PyTorch's order.
    blocks: ClassVar[tuple[Block, ...]]
    states: ClassVar[tuple[State, ...]] = (HIDDEN,)
    #: Whether weights meet h': then they are the first H rows of Wt.
    recurrent: ClassVar[bool] = True
    #: Whether the engines keep something more for every step, ``Activations.extra``.
    has_extra: ClassVar[bool] = False

    #: Options of ``LayerConfig`` that are on or off, each with what makes it one: "… with i = 1 - f".
    switches: ClassVar[Mapping[str, str]] = {}
    #: Gates that can be held at a constant.
    forceable: ClassVar[tuple[str, ...]] = ()
    #: Blocks that look at the memory, in the order of the rows of ``peephole``.
    peepholes: ClassVar[tuple[str, ...]] = ()
    #: By name, what to set of ``LayerConfig`` for each kind of it that verification and tests try. The first one is
    #: the plain cell, the last one has everything at once.
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"": {}}

    #: The block whose bias starts at ``forget_bias``.
    forget_block: ClassVar[str] = ""
    #: Blocks whose biases start at ± ln u for memories of u steps (Tallec and Ollivier 2018), with that sign.
    chrono: ClassVar[Mapping[str, int]] = {}

    counterparts: ClassVar[Mapping[Framework, Counterpart]] = {}

    @property
    def gates(self) -> tuple[Block, ...]:
        """The blocks that are no state themselves."""
        states = {state.name for state in self.states}
        return tuple(block for block in self.blocks if block.name not in states)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of ``LayerConfig`` that it takes."""
        return (*self.switches, *(("force",) if self.forceable else ()))

    def parameter_shapes(self, config: LayerConfig) -> dict[str, tuple[int, ...]]:
        """``Wt`` (H+D, G·H), or (D, G·H) without recurrent weights, and ``b`` (G·H,)."""
        rows = len(self.blocks) * config.hidden_size
        return {"Wt": (config.recurrent_rows + config.input_size, rows), "b": (rows,)}

    def describe(self, config: LayerConfig) -> list[str]:
        """Its options as text."""
        return [option.replace("_", " ") for option in self.switches if getattr(config, option)]

    def lacking(self, config: LayerConfig, framework: Framework) -> str:
        """Why ``framework`` lacks this cell, as "got …, expected …"; "" if it has it."""
        if framework in self.counterparts:
            return ""
        return f"got a {self.title}, expected a cell that {framework} has: it has no {self.title}"

    # -------------------------------------------------------------------- one step, as in a textbook

    def step(
        self,
        config: LayerConfig,
        weights: Weights,
        x: np.ndarray,
        state: Sequence[np.ndarray],
        mask: np.ndarray | None = None,
    ) -> Values:
        """One step of one sequence: x (D,), ``state`` (h,) or (h, c), each (H,), and ``mask`` (H,), the factor of h'
        where W meets it. Returns the new states and the gates by name, and what the engines keep as ``extra``."""
        raise NotImplementedError

    # ------------------------------------------------------------ a sequence, as the NumPy twin has it

    def forward(self, weights: Weights, acts: Activations) -> None:
        """The time loop. On entry ``acts.gates`` holds Wx·x + b, without U·h'; on return it holds the gates. The
        states after each step, and ``extra``, are filled in."""
        raise NotImplementedError

    def backward(
        self, weights: Weights, acts: Activations, dh_output: np.ndarray, dstate: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The time loop backward, from ∂L/∂h_t of every step's output (T, B, H) and the gradients of the final
        states (B, H). Returns ∂L/∂a (T, B, G, H) and the gradients of the initial states."""
        raise NotImplementedError

    def recurrent_gradients(self, acts: Activations, da: np.ndarray, dU: np.ndarray, db: np.ndarray) -> None:
        """Fills ``dU`` (H, G·H), the gradient of what meets h', and what ``db`` has beyond the first G·H."""
        h_previous = acts.masked(acts.previous).reshape(-1, dU.shape[0])
        np.matmul(h_previous.T, da.reshape(len(h_previous), -1), out=dU)

    def peephole_gradients(self, acts: Activations, da: np.ndarray) -> np.ndarray | None:
        """The gradient of ``peephole`` (3, H) from da (T, B, G, H), or None where there is none."""
        return None

    # ----------------------------------------------------- weights that hold a part at a constant

    def hold_unit(self, config: LayerConfig, weights: Weights, unit: int, value: float) -> None:
        """Changes the weights so that all that W takes from h'_unit it takes from ``value``, a scalar, instead.

        Raises ArgumentError where no weights do that."""
        if self.recurrent:
            row = weights.Wt[unit]
            weights.b[: row.size] += value * row
            row[...] = 0

    def hold_block(self, config: LayerConfig, weights: Weights, block: str, unit: slice, argument: float) -> None:
        """Changes the weights so that units of a row block of W have ``argument``, a scalar, as their pre-activation.

        Raises ArgumentError where no weights do that."""
        first = [own.name for own in self.blocks].index(block) * config.hidden_size
        columns = slice(first + unit.start, first + unit.stop)
        weights.Wt[:, columns] = 0
        weights.b[columns] = argument

    # ------------------------------------------------------------------- a step, told stage by stage

    def forward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        """The stages of one step forward, from what the step starts with to h."""
        raise NotImplementedError

    def backward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        """The stages of one step backward, from the gradients of h to those of the states before."""
        raise NotImplementedError

    def code(self, config: LayerConfig) -> dict[str, Code]:
        """For each of its stages the lines of the engines that compute it, without W·x + b, which all cells share."""
        raise NotImplementedError

    def circuit(self, config: LayerConfig) -> Circuit:
        """Its drawing, for the Step screen."""
        raise NotImplementedError

    def retention(self, values: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """The share of its memory that a step keeps, from the gates by name, in their shape; None where no gate
        decides that."""
        return None

    def output_slope(self, weights: Weights, acts: Activations) -> np.ndarray:
        """(T, B, H) ∂h_t/∂C_t within the step, of a cell with two states."""
        raise NotImplementedError

    def suffix(self, gate: str) -> str:
        """What tells the weights of a gate apart: "_f" for W_f; nothing where there is only one W."""
        return "" if len(self.blocks) == 1 else f"_{gate}"

    def learned(self, config: LayerConfig) -> tuple[str, ...]:
        """The blocks of W that have an effect."""
        return tuple(block.name for block in self.blocks)

    def seeing_h(self, config: LayerConfig) -> tuple[str, ...]:
        """The blocks through which the gradient goes back to h' by way of their own weights alone."""
        return self.learned(config) if self.recurrent else ()

    def named(self, config: LayerConfig, arrays: Values) -> Values:
        """W, b and peephole, or their gradients, gate by gate: W_f (H, H+D), b_f (H,), p_f (H,), …"""
        H, result = config.hidden_size, {}
        for index, block in enumerate(self.blocks):
            s, rows = self.suffix(block.name), slice(index * H, (index + 1) * H)
            result[f"W{s}"], result[f"b{s}"] = arrays["W"][rows], arrays["b"][rows]
            if config.peephole and block.name in self.peepholes:
                result[f"p{s}"] = arrays["peephole"][self.peepholes.index(block.name)]
        return result

    def state_values(self, acts: Activations, t: int, v: Values) -> None:
        """Adds to the values ``v`` of step t, which has the gates, x, h_prev and h, what else its stages show."""

    def summands(self, weights: NamedWeights, v: Values, gate: str) -> Values:
        """A pre-activation summand by summand: recurrent, input, bias."""
        s = self.suffix(gate)
        parts = {"recurrent": weights.matrices[f"W{s or '_'}h"] @ v["h_prev"]} if self.recurrent else {}
        return parts | {"input": weights.matrices[f"W{s or '_'}x"] @ v["x"], "bias": weights.vectors[f"b{s}"]}

    def state_gradients(self, weights: NamedWeights, v: Values, later: Values) -> None:
        """Adds to ``v``, which has dh, the gradients on the way back to the pre-activations (da_f …) and the states
        before, but for what goes to h' through ``seeing_h``. ``later`` are the values of the step after, or none."""
        raise NotImplementedError

    def factors(self, config: LayerConfig, v: Values, gate: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The gradient of a block's weights in factors (H,): d(where W·state goes), that state, d(where W·x goes)."""
        da = v[f"da{self.suffix(gate)}"]
        return da, v["h_prev"], da

    def weight_gradient(self, config: LayerConfig, v: Values) -> Values:
        """What the step adds to the gradients of W (G·H, H+D), b and peephole (3, H)."""
        rows, biases, zero = [], [], np.zeros(config.hidden_size)
        for block in self.blocks:
            unused = (zero, v["h_prev"], zero)
            learned = block.name in self.learned(config)
            into_state, state, into_input = self.factors(config, v, block.name) if learned else unused
            recurrent = [np.outer(into_state, state)] if self.recurrent else []
            rows.append(np.hstack([*recurrent, np.outer(into_input, v["x"])]))
            biases.append(into_input)
        return {"W": np.vstack(rows), "b": np.concatenate(biases)}
