"""The gated recurrent unit (Cho et al. 2014), with z as the share of what is new.

    r = σ(W_r·[h', x] + b_r)        z = σ(W_z·[h', x] + b_z)        h = (1−z)⊙h' + z⊙n
    n = tanh(W_n·[r⊙h', x] + b_n)                    reset_after=False, the textbook's
    n = tanh(Wx_n·x + b_n + r⊙(U_n·h' + b_nh))       reset_after=True, cuDNN's and PyTorch's

``b`` is (3·H,), with ``reset_after`` (4·H,): the last H are b_nh. PyTorch's and Keras's z is 1−z here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError
from .cell import Block, Cell, Counterpart, Framework, NamedWeights, Values
from .circuit import RIGHT, Circuit, Node, Operator, small_gate
from .circuit import gate as gate_nodes
from .code import DH, LAST_STATE_C, RECURRENT_C, WEIGHTS_C, Code
from .functions import sigmoid, textbook_sigmoid
from .stages import (
    SEEN_BY_GATES,
    Part,
    Stage,
    back_to_h,
    gate,
    input_and_bias,
    last_output,
    plus,
    through_sigmoid,
    through_tanh,
    weight_gradients,
    weighted_sum,
)

if TYPE_CHECKING:
    from .activations import Activations
    from .config import LayerConfig, Weights


class GRUCell(Cell):
    """Two gates, one state."""

    name = "gru"
    title = "GRU"
    blocks = (
        Block("r", "reset", "σ", "drops the past", "uses it"),
        Block("z", "update", "σ", "keeps the old", "takes the new"),
        Block("n", "candidate", "tanh", key="g"),
    )
    has_extra = True  # r⊙h', with reset_after U_n·h' + b_nh
    switches = {"reset_after": "as in cuDNN and PyTorch"}
    variants = {"": {}, "reset_after": {"reset_after": True}}
    chrono = {"z": -1}  # z is the share of what is new
    counterparts = {
        "PyTorch": Counterpart("GRU", ("r", "z", "n"), negated=("z",)),
        "Keras": Counterpart("GRU", ("z", "r", "n"), negated=("z",)),
    }

    def parameter_shapes(self, config: LayerConfig) -> dict[str, tuple[int, ...]]:
        shapes = super().parameter_shapes(config)
        return shapes | {"b": (4 * config.hidden_size,)} if config.reset_after else shapes

    def describe(self, config: LayerConfig) -> list[str]:
        return ["reset after the product" if config.reset_after else "reset before the product"]

    def lacking(self, config: LayerConfig, framework: Framework) -> str:
        if framework == "PyTorch" and not config.reset_after:
            return (
                "got a GRU that resets before the matrix product (reset_after=False), "
                "expected reset_after=True: PyTorch's GRU resets after it, and neither can replace the other"
            )
        return ""

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
        seen = h if mask is None else mask * h  # what is kept of h' is not masked, what W sees is
        hx = np.concatenate([seen, x])
        r = textbook_sigmoid(W[:H] @ hx + b[:H])
        z = textbook_sigmoid(W[H : 2 * H] @ hx + b[H : 2 * H])
        W_n, b_n = W[2 * H :], b[2 * H : 3 * H]
        if config.reset_after:
            extra = W_n[:, :H] @ seen + b[3 * H :]
            n = np.tanh(W_n[:, H:] @ x + b_n + r * extra)
        else:
            extra = r * seen
            n = np.tanh(W_n @ np.concatenate([extra, x]) + b_n)
        return {"r": r, "z": z, "n": n, "h": (1 - z) * h + z * n, "extra": extra}

    # ------------------------------------------------------------ a sequence, as the NumPy twin has it

    def forward(self, weights: Weights, acts: Activations) -> None:
        config, H = acts.config, acts.config.hidden_size
        h, h_previous, extra = acts.output, acts.previous, acts.extra
        assert extra is not None
        U_rz, U_n, b_nh = weights.Wt[:H, : 2 * H], weights.Wt[:H, 2 * H :], weights.b[3 * H :]
        for t in acts.steps():
            a = acts.gates[t]  # (B, 3, H): Wx·x + b so far, and turned into r, z, n in place
            r, z, n = a[:, 0], a[:, 1], a[:, 2]
            seen = acts.masked(h_previous[t])
            a[:, :2] += (seen @ U_rz).reshape(-1, 2, H)
            sigmoid(a[:, :2], out=a[:, :2])
            if config.reset_after:
                extra[t] = seen @ U_n + b_nh
                n += r * extra[t]
            else:
                np.multiply(r, seen, out=extra[t])
                n += extra[t] @ U_n
            np.tanh(n, out=n)
            h[t] = (1 - z) * h_previous[t] + z * n
            acts.leave_alone(t)

    def backward(
        self, weights: Weights, acts: Activations, dh_output: np.ndarray, dstate: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """As ``Cell.backward``: ∂L/∂a (T, B, 3, H), which with ``reset_after`` has for n the gradient of the
        candidate's sum without its recurrent part."""
        config, H = acts.config, acts.config.hidden_size
        r, z, n = acts.blocks.values()  # each (T, B, H)
        h_previous, extra = acts.previous, acts.extra
        assert extra is not None
        U_rz, U_n = weights.Wt[:H, : 2 * H], weights.Wt[:H, 2 * H :]

        slope = np.empty_like(acts.gates)
        # r⊙h' goes into the candidate's product, or r⊙(U_n·h' + b_nh) comes out of it:
        slope[:, :, 0] = (extra if config.reset_after else acts.masked(h_previous)) * r * (1 - r)  # ∂(r⊙…)/∂a_r
        slope[:, :, 1] = (n - h_previous) * z * (1 - z)  # ∂h/∂a_z
        slope[:, :, 2] = z * (1 - n * n)  # ∂h/∂a_n

        da = slope  # each step's slopes become its ∂L/∂a in place
        (dh,) = dstate
        for t in acts.steps(backward=True):
            dh = dh + dh_output[t]
            da[t, :, 1:] *= dh[:, None]
            if config.reset_after:
                da[t, :, 0] *= da[t, :, 2]
                d_seen = (da[t, :, 2] * r[t]) @ U_n.T  # ∂L/∂(m⊙h'), by all ways through U
            else:
                d_reset = da[t, :, 2] @ U_n.T  # ∂L/∂(r⊙h')
                da[t, :, 0] *= d_reset
                d_seen = d_reset * r[t]
            d_seen += da[t, :, :2].reshape(-1, 2 * H) @ U_rz.T
            dh = dh * (1 - z[t]) + acts.masked(d_seen)  # z = 0 where a sequence has ended: dh passes untouched
        return da, [dh]

    def recurrent_gradients(self, acts: Activations, da: np.ndarray, dU: np.ndarray, db: np.ndarray) -> None:
        H = acts.config.hidden_size
        h_previous = acts.masked(acts.previous).reshape(-1, H)
        assert acts.extra is not None
        dU[:, : 2 * H] = h_previous.T @ da[:, :, :2].reshape(-1, 2 * H)
        da_n = da[:, :, 2].reshape(-1, H)
        if acts.config.reset_after:  # a_n = r⊙(U_n·h' + b_nh) + …
            dm = da_n * acts.gates[:, :, 0].reshape(-1, H)
            dU[:, 2 * H :] = h_previous.T @ dm
            db[3 * H :] = dm.sum(axis=0)
        else:  # a_n = U_n·(r⊙h') + …
            dU[:, 2 * H :] = acts.extra.reshape(-1, H).T @ da_n

    # ----------------------------------------------------- weights that hold a part at a constant

    def hold_unit(self, config: LayerConfig, weights: Weights, unit: int, value: float) -> None:
        """U_n takes it through the reset gate, so without ``reset_after`` only 0, a scalar, can be held. Raises
        ArgumentError for others."""
        H, row = config.hidden_size, weights.Wt[unit]
        if value and not config.reset_after:
            raise ArgumentError(
                f"value: got {value:g}, expected 0: this GRU's reset gate scales what the candidate takes from a "
                "unit, so no weights hold it at another value; with reset_after they do"
            )
        weights.b[: 2 * H] += value * row[: 2 * H]
        if config.reset_after:
            weights.b[3 * H :] += value * row[2 * H :]
        row[...] = 0

    def hold_block(self, config: LayerConfig, weights: Weights, block: str, unit: slice, argument: float) -> None:
        """A scalar ``argument``; with ``reset_after`` the candidate has a second bias."""
        super().hold_block(config, weights, block, unit, argument)
        if config.reset_after and block == "n":
            weights.b[3 * config.hidden_size :][unit] = 0

    # ------------------------------------------------------------------- a step, told stage by stage

    def forward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        yield last_output(SEEN_BY_GATES)
        yield weighted_sum("_r", "reset sum", "Reasons to let the old state take part in the candidate.")
        yield gate(
            "r",
            "reset gate",
            "How much of the old state the candidate sees: unit {unit} lets {r:%} through.",
        )
        yield weighted_sum("_z", "update sum", "Reasons to replace the old state by the candidate.")
        yield gate(
            "z",
            "update gate",
            "How much of the state is renewed: unit {unit} renews {z:%}. PyTorch's z is the opposite, the share kept.",
        )
        yield from self._candidate(config)
        yield Stage(
            "h",
            "hₜ",
            "output",
            "hₜ = (1 - zₜ)⊙hₜ₋₁ + zₜ⊙nₜ",
            "(1 - {z})·{h_prev} + {z}·{n}",
            "A mixture of old and new: unit {unit} takes {z:%} of the candidate and keeps the rest of the old state. "
            "It is memory and output at once.",
            (Part("kept", "(1 - zₜ)⊙hₜ₋₁", "h.kept"), Part("renewed", "zₜ⊙nₜ", "h.renewed")),
            span="tanh",
        )

    def _candidate(self, config: LayerConfig) -> Iterator[Stage]:
        if config.reset_after:
            recurrent = (Part("memory", "W_nh·hₜ₋₁", "m.recurrent", "W_nh", "h_prev"), Part("bias", "b_nh", "m.bias"))
            yield Stage(
                "m",
                "mₜ",
                "memory's view",
                "mₜ = W_nh·hₜ₋₁ + b_nh",
                plus(recurrent),
                "What the old state says about the candidate, with a separate bias, before the reset gate acts on it.",
                recurrent,
            )
            first = Part("reset", "rₜ⊙mₜ", "a_n.recurrent")
            equation, filled = "a_n = rₜ⊙mₜ + W_nx·xₜ + b_n", "{r}·{m} + {a_n.input} + {a_n.bias}"
            why = "The reset gate acts after the matrix product (cuDNN's and PyTorch's GRU)."
        else:
            yield Stage(
                "s",
                "sₜ",
                "reset state",
                "sₜ = rₜ⊙hₜ₋₁",
                "{r}·{h_prev}",
                "The old state as the candidate sees it: the reset gate acts before the matrix product.",
                span="tanh",
            )
            first = Part("recurrent", "W_nh·sₜ", "a_n.recurrent", "W_nh", "s")
            equation, filled = "a_n = W_n·[sₜ, xₜ] + b_n", "{a_n.recurrent} + {a_n.input} + {a_n.bias}"
            why = "The raw proposal for the new state, from the reset state and the character."
        yield Stage("a_n", "a_n", "candidate sum", equation, filled, why, (first, *input_and_bias("_n")))
        yield Stage(
            "n",
            "nₜ",
            "candidate",
            "nₜ = tanh(a_n)",
            "tanh({a_n})",
            "The proposed new state, squeezed into -1 to 1. Many textbooks write it as h with a tilde.",
            span="tanh",
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
            "The candidate entered with share zₜ, so it gets that share of the gradient.",
        )
        yield through_tanh("n", "_n", "candidate sum")
        if config.reset_after:
            yield Stage(
                "dm",
                "dmₜ",
                "memory's view",
                "dmₜ = da_n⊙rₜ",
                "{da_n}·{r}",
                "What the old state says about the candidate was scaled by the reset gate; so is its gradient.",
            )
            equation, filled, multiplied = "drₜ = da_n⊙mₜ", "{da_n}·{m}", "mₜ"
            through_n = Part("through n", "W_nhᵀ·dmₜ", "dh_prev.n", "W_nh.T", "dm")
        else:
            yield Stage(
                "ds",
                "dsₜ",
                "reset state",
                "dsₜ = W_nhᵀ·da_n",
                "{ds}",
                "Back through the candidate's recurrent weights, to the state as the reset gate had left it.",
                (Part("candidate", "W_nhᵀ·da_n", "ds", "W_nh.T", "da_n"),),
            )
            equation, filled, multiplied = "drₜ = dsₜ⊙hₜ₋₁", "{ds}·{h_prev}", "hₜ₋₁"
            through_n = Part("through n", "dsₜ⊙rₜ", "dh_prev.n")
        yield Stage(
            "dr",
            "drₜ",
            "reset gate",
            equation,
            filled,
            f"The gate multiplied {multiplied}, so its gradient is that of the product times {multiplied}.",
        )
        yield through_sigmoid("r", "reset sum")
        yield weight_gradients(
            " For W_nh and b_nh, da is dmₜ." if config.reset_after else " For W_n, the state is sₜ, the reset one."
        )
        kept = Part("kept", "dhₜ⊙(1 - zₜ)", "dh_prev.kept")
        yield back_to_h([kept, through_n], [("r", "_r"), ("z", "_z")])

    def seeing_h(self, config: LayerConfig) -> tuple[str, ...]:
        return ("r", "z")  # the candidate has a separate way back

    def named(self, config: LayerConfig, arrays: Values) -> Values:
        named = super().named(config, arrays)
        return named | {"b_nh": arrays["b"][-config.hidden_size :]} if config.reset_after else named

    def state_values(self, acts: Activations, t: int, v: Values) -> None:
        assert acts.extra is not None
        v["m" if acts.config.reset_after else "s"] = acts.extra[t, 0]
        v["h.kept"], v["h.renewed"] = (1 - v["z"]) * v["h_prev"], v["z"] * v["n"]

    def summands(self, weights: NamedWeights, v: Values, gate: str) -> Values:
        parts = super().summands(weights, v, gate)
        if gate == "n" and weights.config.reset_after:
            v["m.recurrent"], v["m.bias"] = parts["recurrent"], weights.vectors["b_nh"]
            parts["recurrent"] = v["r"] * v["m"]
        elif gate == "n":
            parts["recurrent"] = weights.matrices["W_nh"] @ v["s"]
        return parts

    def state_gradients(self, weights: NamedWeights, v: Values, later: Values) -> None:
        """h = (1 − z)⊙h' + z⊙n, then z, n and, through n, r."""
        U_n_transposed = weights.matrices["W_nh.T"]
        v["dz"] = v["dh"] * (v["n"] - v["h_prev"])
        v["da_z"] = v["dz"] * v["z"] * (1 - v["z"])
        v["dn"] = v["dh"] * v["z"]
        v["da_n"] = v["dn"] * (1 - v["n"] ** 2)
        if weights.config.reset_after:
            v["dm"] = v["da_n"] * v["r"]
            v["dr"] = v["da_n"] * v["m"]
            v["dh_prev.n"] = U_n_transposed @ v["dm"]
        else:
            v["ds"] = U_n_transposed @ v["da_n"]
            v["dr"] = v["ds"] * v["h_prev"]
            v["dh_prev.n"] = v["ds"] * v["r"]
        v["da_r"] = v["dr"] * v["r"] * (1 - v["r"])
        v["dh_prev.kept"] = v["dh"] * (1 - v["z"])

    def factors(self, config: LayerConfig, v: Values, gate: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if gate != "n":
            return super().factors(config, v, gate)
        return (v["dm"], v["h_prev"], v["da_n"]) if config.reset_after else (v["da_n"], v["s"], v["da_n"])

    def weight_gradient(self, config: LayerConfig, v: Values) -> Values:
        gradient = super().weight_gradient(config, v)
        if config.reset_after:
            gradient["b"] = np.concatenate([gradient["b"], v["dm"]])
        return gradient

    def retention(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        return 1.0 - values["z"]

    def code(self, config: LayerConfig) -> dict[str, Code]:
        after = config.reset_after
        joint = Code((RECURRENT_C,), ("a[:, :2] += (seen @ U_rz)",))
        both = "sigmoid(a[:, :2], out=a[:, :2])"
        dz = Code(("vec da_z = dh * (candidate -",), ("slope[:, :, 1] = (n - h_previous)", "da[t, :, 1:] *= dh"))
        dn = Code(("vec da_n = dh * z",), ("slope[:, :, 2] = z * (1 - n * n)", "da[t, :, 1:] *= dh"))
        if after:
            dr = Code(
                ("store_n(l->da + u, da_n * recurrent",), ("slope[:, :, 0] = (extra", "da[t, :, 0] *= da[t, :, 2]")
            )
            candidate = {
                "m": Code(("candidate.A = seen;",), ("extra[t] = seen @ U_n + b_nh",)),
                "a_n": Code(("load_n(a + 2 * H + u, n) + r * load_n(l->extra",), ("n += r * extra[t]",)),
                "dm": Code(("store_n(l->dextra + u, da_n * r, n);",), ("d_seen = (da[t, :, 2] * r[t]) @ U_n.T",)),
            }
        else:
            dr = Code(("store_n(l->da + u, d * load_n(",), ("slope[:, :, 0] = (extra", "da[t, :, 0] *= d_reset"))
            candidate = {
                "s": Code(("store_n(l->extra + u, r * load_n(l->seen",), ("np.multiply(r, seen, out=extra[t])",)),
                "a_n": Code(("candidate.C = a + 2 * H;",), ("n += extra[t] @ U_n",)),
                "ds": Code((".K = H, .A = da + 2 * H",), ("d_reset = da[t, :, 2] @ U_n.T",)),
            }
        return {
            "h_prev": Code((LAST_STATE_C,), ("h, h_previous, extra = acts.output",)),
            "a_r": joint,
            "a_z": joint,
            "r": Code(("vec r = vsigmoid(load_n(a + u, n));",), (both,)),
            "z": Code(("store_n(a + H + u, vsigmoid(",), (both,)),
            **candidate,
            "n": Code(("candidate = vtanh(",), ("np.tanh(n, out=n)",)),
            "h": Code(
                ("store_n(l->h + u, hp + z * (candidate - hp), n);",), ("h[t] = (1 - z) * h_previous[t] + z * n",)
            ),
            "dh": DH,
            **{"dz": dz, "da_z": dz, "dn": dn, "da_n": dn, "dr": dr, "da_r": dr},
            "dW": Code(WEIGHTS_C, ("dU[:, : 2 * H] = h_previous.T",)),
            "dh_prev": Code(
                ("store_n(l->dh_next + u, dh * ((real)1 - z), n);", "(product){.K = 2 * H, .A = da"),
                ("d_seen += da[t, :, :2]", "dh = dh * (1 - z[t]) + acts.masked(d_seen)"),
            ),
        }

    def circuit(self, config: LayerConfig) -> Circuit:
        return _RESET_AFTER if config.reset_after else _RESET_BEFORE


_SMALL = Circuit(
    """
    ╶──────────────────A───────B──╴
                       ├───────C


         ╰──────D──────────────╯
""",
    (
        Node("h_prev", "dh_prev", 0, 0),
        Node("h", "dh", 0, RIGHT),
        small_gate("r", 2, 9),
        Node("s", "ds", 2, 16),
        small_gate("z", 2, 23),
        small_gate("n", 2, 31),
    ),
    {
        "A": Operator("×", ("h", "dh_prev")),
        "B": Operator("+", ("h",)),
        "C": Operator("×", ("h", "dz", "dn")),
        "D": Operator("×", ("s", "dr", "dh_prev")),
    },
)
_RESET_BEFORE = Circuit(
    """
         ╶───────┬────────────────────────A──────────────B───────────────╴
                 │                        │ 1 - z        │
                 │                        ├──────────────C
                 │                        │              │
                 D─────────────╮          │              │


                 │             E          F              G
                 │
                 │
                 │  h, x ╶─────┴──────────╯              │
         ╶───────┴───────────────────────────────────────╯
""",
    (
        Node("h_prev", "dh_prev", 0, 0),
        Node("h", "dh", 0, RIGHT),
        Node("s", "ds", 5, 17),
        *gate_nodes("r", 5, 31),
        *gate_nodes("z", 5, 42),
        *gate_nodes("n", 5, 57),
        Node("x", "", 11, 0),
    ),
    {
        "A": Operator("×", ("h", "dh_prev")),
        "B": Operator("+", ("h",)),
        "C": Operator("×", ("h", "dz", "dn")),
        "D": Operator("×", ("s", "dr", "dh_prev")),
        "E": Operator("σ", ("r", "da_r")),
        "F": Operator("σ", ("z", "da_z")),
        "G": Operator("tanh", ("n", "da_n")),
    },
    _SMALL,
)


def _with_memory(circuit: Circuit) -> Circuit:
    """The same with m, what the old state says about the candidate, in the place of the reset state."""
    row = 1 if circuit.small is not None else 2
    return replace(
        circuit,
        nodes=tuple(replace(n, forward="m", backward="dm", row=row) if n.forward == "s" else n for n in circuit.nodes),
        operators={**circuit.operators, "D": Operator("×", ("a_n", "dm", "dr"))},
    )


_RESET_AFTER = replace(
    _with_memory(_RESET_BEFORE),
    wires="""
         ╶───────┬────────────────────────A──────────────B───────────────╴
                                          │ 1 - z        │
                                          ├──────────────C
                 │                        │              │
                 D─────────────╮          │              │
                 │
                 │
                 │             E          F              G
                 │
                 │
                 │  h, x ╶─────┴──────────╯              │
         ╶───────┴───────────────────────────────────────╯
""",
    small=_with_memory(_SMALL),
)
