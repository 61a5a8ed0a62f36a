"""The plain recurrent network (Elman 1990): h = tanh(W·[h', x] + b)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .cell import Block, Cell, Counterpart, NamedWeights, Values
from .circuit import RIGHT, Circuit, Node, Operator
from .code import DH, LAST_STATE_C, RECURRENT_C, WEIGHTS_C, Code
from .stages import SEEN_BY_GATES, Stage, back_to_h, last_output, through_tanh, weight_gradients, weighted_sum

if TYPE_CHECKING:
    from .activations import Activations
    from .config import LayerConfig, Weights


class RNNCell(Cell):
    """One block, without a gate."""

    name = "rnn"
    title = "RNN"
    blocks = (Block("h", "hidden", "tanh"),)
    counterparts = {"PyTorch": Counterpart("RNN", ("h",)), "Keras": Counterpart("SimpleRNN", ("h",))}

    # -------------------------------------------------------------------- one step, as in a textbook

    def step(
        self,
        config: LayerConfig,
        weights: Weights,
        x: np.ndarray,
        state: Sequence[np.ndarray],
        mask: np.ndarray | None = None,
    ) -> Values:
        (h,) = state
        seen = h if mask is None else mask * h
        return {"h": np.tanh(weights.Wt.T @ np.concatenate([seen, x]) + weights.b)}

    # ------------------------------------------------------------ a sequence, as the NumPy twin has it

    def forward(self, weights: Weights, acts: Activations) -> None:
        h, h_previous = acts.output, acts.previous
        U = weights.Wt[: acts.config.hidden_size]
        for t in acts.steps():
            a = acts.gates[t, :, 0]  # (B, H)
            a += acts.masked(h_previous[t]) @ U
            h[t] = np.tanh(a, out=a)
            acts.leave_alone(t)

    def backward(
        self, weights: Weights, acts: Activations, dh_output: np.ndarray, dstate: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        U = weights.Wt[: acts.config.hidden_size]
        (dh,) = dstate
        da = 1 - acts.gates * acts.gates  # ∂h/∂a = 1 − h²
        for t in acts.steps(backward=True):
            dh = dh + dh_output[t]
            da[t, :, 0] *= dh
            ended = acts.ended(t)
            if ended is not None:
                da[t, ended] = 0
            dh_previous = acts.masked(da[t, :, 0] @ U.T)
            if ended is not None:
                dh_previous[ended] = dh[ended]
            dh = dh_previous
        return da, [dh]

    # ------------------------------------------------------------------- a step, told stage by stage

    def forward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        yield last_output(SEEN_BY_GATES)
        yield weighted_sum("", "sum", "The last output and this character, each through its weights, and the bias.")
        yield Stage(
            "h",
            "hₜ",
            "output",
            "hₜ = tanh(a)",
            "tanh({a})",
            "Memory and output at once. It is made anew at every character, through the whole matrix: no gate "
            "protects it.",
            span="tanh",
        )

    def backward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        yield through_tanh("h", "", "sum")
        yield weight_gradients()
        yield back_to_h([], [("h", "")])

    def state_gradients(self, weights: NamedWeights, v: Values, later: Values) -> None:
        v["da"] = v["dh"] * (1 - v["h"] ** 2)

    def code(self, config: LayerConfig) -> dict[str, Code]:
        slope = "store_n(l->da + u, (load_n(l->dh + u, n) + load_n(l->dh_next"
        return {
            "h_prev": Code((LAST_STATE_C,), ("h, h_previous = acts.output",)),
            "a": Code((RECURRENT_C,), ("a += acts.masked(h_previous[t]) @ U",)),
            "h": Code(("vec y = vtanh(",), ("h[t] = np.tanh(a, out=a)",)),
            "dh": Code((slope,), DH.numpy),
            "da": Code((slope,), ("da = 1 - acts.gates * acts.gates", "da[t, :, 0] *= dh")),
            "dW": Code(WEIGHTS_C, ("np.matmul(h_previous.T, da.reshape(",)),
            "dh_prev": Code(("back_through_weights(p, g, (product){.K = H",), ("dh_previous = acts.masked(",)),
        }

    def circuit(self, config: LayerConfig) -> Circuit:
        return _CIRCUIT


_CIRCUIT = Circuit(
    """

         ╶─────────┬────────────────────────────────────A────────────────╴
                   │
""",
    (
        Node("h_prev", "dh_prev", 1, 0),
        Node("a", "da", 1, 36),
        Node("h", "dh", 1, RIGHT),
        Node("x", "", 3, 19),
    ),
    {"A": Operator("tanh", ("h", "da"))},
    Circuit(
        """
    ╶─────────────────────A───────╴
""",
        (Node("h_prev", "dh_prev", 0, 0), Node("a", "da", 0, 15), Node("h", "dh", 0, RIGHT)),
        {"A": Operator("tanh", ("h", "da"))},
    ),
)
