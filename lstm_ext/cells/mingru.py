"""minGRU (Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs All We Needed?"): a GRU whose gates see
nothing but the input.

    z = σ(W_z·x + b_z)        n = W_n·x + b_n        h = (1−z)⊙h' + z⊙n

No weights meet h': ``Wt`` is (D, 2·H). The candidate n goes through no tanh, so nothing bounds it or h.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .cell import Block, Cell, NamedWeights, State, Values
from .circuit import RIGHT, Circuit, Node, Operator, small_gate
from .circuit import gate as gate_nodes
from .code import DH, LAST_STATE_C, NOTHING, Code
from .functions import sigmoid, textbook_sigmoid
from .stages import Part, Stage, gate, input_and_bias, last_output, plus, through_sigmoid, weight_gradients

if TYPE_CHECKING:
    from .activations import Activations
    from .config import LayerConfig, Weights


class MinGRUCell(Cell):
    """One gate, one state, no recurrent weights."""

    name = "mingru"
    title = "minGRU"
    blocks = (Block("z", "update", "σ", "keeps the old", "takes the new"), Block("n", "candidate", "", key="g"))
    states = (State("h", "hidden", "free"),)
    recurrent = False
    chrono = {"z": -1}  # z is the share of what is new

    # -------------------------------------------------------------------- one step, as in a textbook

    def step(
        self,
        config: LayerConfig,
        weights: Weights,
        x: np.ndarray,
        state: Sequence[np.ndarray],
        mask: np.ndarray | None = None,
    ) -> Values:
        H, W, b = config.hidden_size, weights.Wt.T, weights.b
        (h,) = state
        z = textbook_sigmoid(W[:H] @ x + b[:H])
        n = W[H:] @ x + b[H:]
        return {"z": z, "n": n, "h": (1 - z) * h + z * n}

    # ------------------------------------------------------------ a sequence, as the NumPy twin has it

    def forward(self, weights: Weights, acts: Activations) -> None:
        z, n = acts.blocks.values()  # each (T, B, H); n is whole already
        sigmoid(z, out=z)
        for t in acts.steps():
            acts.output[t] = (1 - z[t]) * acts.previous[t] + z[t] * n[t]
            acts.leave_alone(t)

    def backward(
        self, weights: Weights, acts: Activations, dh_output: np.ndarray, dstate: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        z, n = acts.blocks.values()  # each (T, B, H)
        da = np.empty_like(acts.gates)
        da[:, :, 0] = (n - acts.previous) * z * (1 - z)  # ∂h/∂a_z
        da[:, :, 1] = z  # ∂h/∂n
        (dh,) = dstate
        for t in acts.steps(backward=True):
            dh = dh + dh_output[t]
            da[t] *= dh[:, None]
            dh = dh * (1 - z[t])  # z = 0 where a sequence has ended: dh passes untouched
        return da, [dh]

    # ------------------------------------------------------------------- a step, told stage by stage

    def forward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        yield last_output(
            "What the cell held after the character before; zero before the first. No gate sees it: it only takes "
            "part in the mixture.",
            span="free",
        )
        yield Stage(
            "a_z",
            "a_z",
            "update sum",
            "a_z = W_z·xₜ + b_z",
            plus(input_and_bias("_z")),
            "Reasons to replace the old state, from this character alone. So all characters' gates can be computed "
            "at once.",
            input_and_bias("_z"),
        )
        yield gate(
            "z",
            "update gate",
            "How much of the state is renewed: unit {unit} renews {z:%}.",
        )
        yield Stage(
            "n",
            "nₜ",
            "candidate",
            "nₜ = W_n·xₜ + b_n",
            plus(input_and_bias("_n")),
            "The proposed new state, from this character alone and not squeezed: it can be of any size.",
            input_and_bias("_n"),
        )
        yield Stage(
            "h",
            "hₜ",
            "output",
            "hₜ = (1 - zₜ)⊙hₜ₋₁ + zₜ⊙nₜ",
            "(1 - {z})·{h_prev} + {z}·{n}",
            "A mixture of old and new: unit {unit} takes {z:%} of the candidate and keeps the rest of the old state. "
            "Once the gates are known, it is linear in the old state.",
            (Part("kept", "(1 - zₜ)⊙hₜ₋₁", "h.kept"), Part("renewed", "zₜ⊙nₜ", "h.renewed")),
        )

    def backward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        yield Stage(
            "dz",
            "dzₜ",
            "update gate",
            "dzₜ = dhₜ⊙(nₜ - hₜ₋₁)",
            "{dh}·({n} - {h_prev})",
            "The gate shifts weight from old to new, so what counts is how far the two differ.",
        )
        yield through_sigmoid("z", "update sum")
        yield Stage(
            "dn",
            "dnₜ",
            "candidate",
            "dnₜ = dhₜ⊙zₜ",
            "{dh}·{z}",
            "The candidate came in with share zₜ, so that share of the gradient goes to it; there is no tanh to pass.",
        )
        yield weight_gradients(" For W_n and b_n, da is dnₜ.", state="xₜ")
        yield Stage(
            "dh_prev",
            "dhₜ₋₁",
            "back to h",
            "dhₜ₋₁ = dhₜ⊙(1 - zₜ)",
            "{dh}·(1 - {z})",
            "What goes back to the character before, to join the gradient of its own prediction: just what was kept, "
            "by no weight matrix and no slope.",
        )

    def state_values(self, acts: Activations, t: int, v: Values) -> None:
        v["h.kept"], v["h.renewed"] = (1 - v["z"]) * v["h_prev"], v["z"] * v["n"]

    def state_gradients(self, weights: NamedWeights, v: Values, later: Values) -> None:
        v["dz"] = v["dh"] * (v["n"] - v["h_prev"])
        v["da_z"] = v["dz"] * v["z"] * (1 - v["z"])
        v["dn"] = v["da_n"] = v["dh"] * v["z"]
        v["dh_prev.kept"] = v["dh"] * (1 - v["z"])

    def retention(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        return 1.0 - values["z"]

    def code(self, config: LayerConfig) -> dict[str, Code]:
        dz = Code(
            ("store_n(l->da + u, dh * (candidate -",), ("da[:, :, 0] = (n - acts.previous)", "da[t] *= dh[:, None]")
        )
        dn = Code(("store_n(l->da + l->H + u, dh * z, n);",), ("da[:, :, 1] = z", "da[t] *= dh[:, None]"))
        return {
            "h_prev": Code((LAST_STATE_C,), ("acts.output[t] = (1 - z[t]) * acts.previous[t]",)),
            "a_z": NOTHING,
            "n": NOTHING,
            "z": Code(("vec z = vsigmoid(load_n(a + u, n))",), ("sigmoid(z, out=z)",)),
            "h": Code(
                ("store_n(l->h + u, hp + z * (candidate - hp), n);",),
                ("acts.output[t] = (1 - z[t]) * acts.previous[t]",),
            ),
            "dh": DH,
            **{"dz": dz, "da_z": dz, "dn": dn},
            "dW": NOTHING,
            "dh_prev": Code(("store_n(l->dh_next + u, dh * ((real)1 - z), n);",), ("dh = dh * (1 - z[t])",)),
        }

    def circuit(self, config: LayerConfig) -> Circuit:
        return _CIRCUIT


_CIRCUIT = Circuit(
    """
         ╶────────────────────────────────A──────────────B───────────────╴
                                          │ 1 - z        │
                                          ├──────────────C
                                          │              │
                                          │              │


                                          D              │
                                                         │
                                                         │
                                          │              │
         ╶────────────────────────────────┴──────────────╯
""",
    (
        Node("h_prev", "dh_prev", 0, 0),
        Node("h", "dh", 0, RIGHT),
        *gate_nodes("z", 5, 42),
        Node("n", "dn", 5, 57),
        Node("x", "", 11, 0),
    ),
    {
        "A": Operator("×", ("h", "dh_prev")),
        "B": Operator("+", ("h",)),
        "C": Operator("×", ("h", "dz", "dn")),
        "D": Operator("σ", ("z", "da_z")),
    },
    Circuit(
        """
    ╶────────────A─────────B──────╴
                 ├─────────C
""",
        (
            Node("h_prev", "dh_prev", 0, 0),
            Node("h", "dh", 0, RIGHT),
            small_gate("z", 2, 17),
            Node("n", "dn", 2, 27),
        ),
        {
            "A": Operator("×", ("h", "dh_prev")),
            "B": Operator("+", ("h",)),
            "C": Operator("×", ("h", "dz", "dn")),
        },
    ),
)
