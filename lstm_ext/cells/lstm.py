"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    i = σ(W_i·[h', x] + b_i + p_i⊙c')        c = f⊙c' + i⊙g
    f = σ(W_f·[h', x] + b_f + p_f⊙c')        h = o⊙tanh(c)
    g = tanh(W_g·[h', x] + b_g)
    o = σ(W_o·[h', x] + b_o + p_o⊙c)

``peephole`` (3, H), rows p_i, p_f, p_o (Gers and Schmidhuber 2000); without it they are 0.
``coupled``: i = 1 − f (Greff et al. 2015). ``force`` holds gates at constants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError
from .cell import HIDDEN, Block, Cell, Counterpart, Framework, NamedWeights, State, Values
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
    last_output,
    through_sigmoid,
    through_tanh,
    weight_gradients,
    weighted_sum,
)

if TYPE_CHECKING:
    from .activations import Activations
    from .config import LayerConfig, Weights

_ALL = ("i", "f", "g", "o")


class LSTMCell(Cell):
    """Three gates around a separate memory, c."""

    name = "lstm"
    title = "LSTM"
    blocks = (
        Block("i", "input", "σ", "ignores", "writes"),
        Block("f", "forget", "σ", "forgets", "keeps"),
        Block("g", "candidate", "tanh"),
        Block("o", "output", "σ", "hides", "shows"),
    )
    states = (HIDDEN, State("c", "cell", "free"))
    has_extra = True  # tanh(c)
    switches = {"peephole": "whose gates see the cell", "coupled": "with i = 1 - f"}
    forceable = ("input", "forget", "output")
    peepholes = ("i", "f", "o")
    variants = {
        "": {},
        "peephole": {"peephole": True},
        "coupled": {"coupled": True},
        "input forced": {"force": {"input": 0.3}},
        "forget forced": {"force": {"forget": 1.0}},
        "output forced": {"force": {"output": 0.8}},
        "peephole, coupled": {"peephole": True, "coupled": True},
        "peephole, input forced": {"peephole": True, "force": {"input": 0.2}},
        "peephole, forget forced": {"peephole": True, "force": {"forget": 0.0}},
        "peephole, output forced": {"peephole": True, "force": {"output": 1.0}},
        "coupled, input forced": {"coupled": True, "force": {"input": 0.4}},
        "coupled, forget forced": {"coupled": True, "force": {"forget": 0.9}},
        "all at once": {"peephole": True, "coupled": True, "force": {"input": 0.7, "forget": 0.6, "output": 0.5}},
    }
    forget_block = "f"
    chrono = {"f": 1, "i": -1}
    counterparts = {"PyTorch": Counterpart("LSTM", _ALL), "Keras": Counterpart("LSTM", _ALL)}

    def parameter_shapes(self, config: LayerConfig) -> dict[str, tuple[int, ...]]:
        shapes = super().parameter_shapes(config)
        return shapes | {"peephole": (3, config.hidden_size)} if config.peephole else shapes

    def lacking(self, config: LayerConfig, framework: Framework) -> str:
        options = {"peepholes": config.peephole, "coupled gates": config.coupled, "forced gates": bool(config.force)}
        for what, there in options.items():
            if there:
                return f"got an LSTM with {what}, expected none: {framework} has no LSTM with {what}"
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
        H, force = config.hidden_size, config.force
        h, c = state
        hx = np.concatenate([h if mask is None else mask * h, x])
        a_i, a_f, a_g, a_o = (weights.Wt.T @ hx + weights.b).reshape(4, H)
        p_i, p_f, p_o = np.zeros((3, H)) if weights.peephole is None else weights.peephole
        i = textbook_sigmoid(a_i + p_i * c)
        f = textbook_sigmoid(a_f + p_f * c)
        g = np.tanh(a_g)
        f = np.full(H, force["forget"]) if "forget" in force else f
        i = 1 - f if config.coupled else i
        i = np.full(H, force["input"]) if "input" in force else i
        c = f * c + i * g
        o = textbook_sigmoid(a_o + p_o * c)
        o = np.full(H, force["output"]) if "output" in force else o
        return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": o * np.tanh(c), "extra": np.tanh(c)}

    # ------------------------------------------------------------ a sequence, as the NumPy twin has it

    def forward(self, weights: Weights, acts: Activations) -> None:
        config, peephole = acts.config, weights.peephole
        U = weights.Wt[: config.hidden_size]
        h, h_previous, c, c_previous = acts.output, acts.previous, acts.c_output, acts.c_previous
        tanh_c = acts.extra
        assert tanh_c is not None
        for t in acts.steps():
            a = acts.gates[t]  # (B, 4, H): Wx·x + b so far, and turned into i, f, g, o in place
            a += (acts.masked(h_previous[t]) @ U).reshape(a.shape)
            i, f, g, o = a[:, 0], a[:, 1], a[:, 2], a[:, 3]
            if peephole is not None:
                a[:, :2] += peephole[:2] * c_previous[t][:, None]
            sigmoid(a[:, :2], out=a[:, :2])
            np.tanh(g, out=g)
            if "forget" in config.force:
                f[...] = config.force["forget"]
            if config.coupled:
                np.subtract(1, f, out=i)
            if "input" in config.force:
                i[...] = config.force["input"]

            np.multiply(f, c_previous[t], out=c[t])
            c[t] += i * g
            if peephole is not None:
                o += peephole[2] * c[t]
            sigmoid(o, out=o)
            if "output" in config.force:
                o[...] = config.force["output"]
            np.tanh(c[t], out=tanh_c[t])
            np.multiply(o, tanh_c[t], out=h[t])
            acts.leave_alone(t)

    def backward(
        self, weights: Weights, acts: Activations, dh_output: np.ndarray, dstate: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        config, peephole = acts.config, weights.peephole
        U = weights.Wt[: config.hidden_size]
        i, f, g, o = acts.blocks.values()  # each (T, B, H)
        tanh_c, c_previous = acts.extra, acts.c_previous
        assert tanh_c is not None

        # The slopes, at all steps at once. Three gates act through c = f⊙c' + i⊙g, the fourth on h = o⊙tanh(c):
        slope = np.empty_like(acts.gates)
        slope_i, slope_f, slope_g, slope_o = (slope[:, :, k] for k in range(4))
        slope_i[...] = g * i * (1 - i)  # ∂c/∂a_i
        slope_f[...] = c_previous * f * (1 - f)  # ∂c/∂a_f: the forget gate's derivative
        slope_g[...] = i * (1 - g * g)  # ∂c/∂a_g
        slope_o[...] = tanh_c * o * (1 - o)  # ∂h/∂a_o
        slope_c = o * (1 - tanh_c * tanh_c)  # ∂h/∂c
        if config.coupled and "input" not in config.force:
            slope_f -= g * f * (1 - f)  # i = 1 − f, so a_f also moves i⊙g
        for k, name in enumerate(_ALL):
            if name not in self.learned(config):
                slope[:, :, k] = 0  # a constant ignores its pre-activation

        da = slope  # each step's slopes become its ∂L/∂a in place
        dh, dc = dstate
        for t in acts.steps(backward=True):
            dh = dh + dh_output[t]
            da[t, :, 3] *= dh
            dc_through = dh * slope_c[t]
            dc_through += dc  # ∂L/∂c by both ways: through h, and through the next step's c
            if peephole is not None:
                dc_through += da[t, :, 3] * peephole[2]
            da[t, :, :3] *= dc_through[:, None]
            dh_previous = acts.masked(da[t].reshape(len(dh), -1) @ U.T)
            dc_previous = dc_through * f[t]
            if peephole is not None:
                dc_previous += da[t, :, 0] * peephole[0] + da[t, :, 1] * peephole[1]
            ended = acts.ended(t)
            if ended is not None:  # gates of 0 made da 0; what remains is to pass dh and dc on untouched
                dh_previous[ended] = dh[ended]
                dc_previous[ended] = dc[ended]
            dh, dc = dh_previous, dc_previous
        return da, [dh, dc]

    def peephole_gradients(self, acts: Activations, da: np.ndarray) -> np.ndarray | None:
        if not acts.config.peephole:
            return None
        c_previous, c = acts.c_previous, acts.c_output  # a_i and a_f looked at c', a_o at the new c
        seen = ((0, c_previous), (1, c_previous), (3, c))
        return np.stack([np.einsum("tbh,tbh->h", da[:, :, k], looked_at) for k, looked_at in seen])

    # ----------------------------------------------------- weights that hold a part at a constant

    def hold_block(self, config: LayerConfig, weights: Weights, block: str, unit: slice, argument: float) -> None:
        """A scalar ``argument``, without peepholes. Raises ArgumentError for a gate that no weights decide."""
        if block not in self.learned(config):
            title = next(own.title for own in self.blocks if own.name == block)
            why = "its settings hold it at a constant" if title in config.force else "it is 1 - f; hold f instead"
            raise ArgumentError(f"block: got {block!r}, the {title} gate, but no weights decide it: {why}")
        super().hold_block(config, weights, block, unit, argument)
        if weights.peephole is not None and block in self.peepholes:
            weights.peephole[self.peepholes.index(block), unit] = 0

    # ------------------------------------------------------------------- a step, told stage by stage

    def forward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        yield last_output(SEEN_BY_GATES)
        yield Stage(
            "c_prev",
            "Cₜ₋₁",
            "last memory",
            "Cₜ₋₁",
            "",
            "The memory as the character before left it; zero before the first.",
        )
        yield from self._gate(
            config,
            "f",
            "Reasons to keep the memory: from the last output, from this character, and the bias. Training starts "
            "with b_f = 1, which leans towards keeping.",
            "The share of the memory that stays: unit {unit} keeps {f:%}. At a_f = 1 that is 73 %, which leans "
            "towards keeping; but 0.731⁵⁰ is only 0.0000002.",
        )
        yield from self._gate(
            config,
            "i",
            "Reasons to write, from the same two sources, but with separate weights.",
            "How far the memory is opened for writing: unit {unit} takes {i:%} of its candidate.",
        )
        yield weighted_sum("_g", "candidate sum", "The raw proposal for something new to remember.")
        yield Stage(
            "g",
            "gₜ",
            "candidate",
            "gₜ = tanh(a_g)",
            "tanh({a_g})",
            "What could be written, sign included, squeezed into -1 to 1. Many textbooks write it as C with a tilde.",
            span="tanh",
        )
        yield Stage(
            "c",
            "Cₜ",
            "memory",
            "Cₜ = fₜ⊙Cₜ₋₁ + iₜ⊙gₜ",
            "{f}·{c_prev} + {i}·{g}",
            "Kept plus written. The old memory is only scaled by its gate: no weight matrix and no squeezing on the "
            "way from Cₜ₋₁ to Cₜ.",
            (Part("kept", "fₜ⊙Cₜ₋₁", "c.kept"), Part("written", "iₜ⊙gₜ", "c.written")),
        )
        yield from self._gate(
            config,
            "o",
            "Reasons to show the memory at this character.",
            "How much of the memory shows outside: unit {unit} shows {o:%}. What is hidden is still remembered.",
        )
        yield Stage(
            "tanh_c",
            "tanh(Cₜ)",
            "squeezed",
            "tanh(Cₜ)",
            "tanh({c})",
            "The memory squeezed into -1 to 1, for the output only: Cₜ itself stays unchanged.",
            span="tanh",
        )
        yield Stage(
            "h",
            "hₜ",
            "output",
            "hₜ = oₜ⊙tanh(Cₜ)",
            "{o}·{tanh_c}",
            "What the cell gives out: to the prediction now, and to every gate at the next character.",
            span="tanh",
        )

    def _gate(self, config: LayerConfig, name: str, why: str, meaning: str) -> Iterator[Stage]:
        (title,) = (block.title for block in self.blocks if block.name == name)
        if name in self.learned(config):
            looked_at = ("Cₜ" if name == "o" else "Cₜ₋₁") if config.peephole else ""
            yield weighted_sum(f"_{name}", f"{title} sum", why, peephole=looked_at)
            yield gate(name, f"{title} gate", meaning)
            return
        if title in config.force:
            equation, filled = f"{name}ₜ is forced", ""
            meaning = "This gate is held at a constant: it sees nothing, and its weights learn nothing."
        else:
            equation, filled = "iₜ = 1 - fₜ", "1 - {f}"
            meaning = "Coupled gates: exactly as much is written as is forgotten."
        yield Stage(name, f"{name}ₜ", f"{title} gate", equation, filled, meaning, span="gate")

    def backward_stages(self, config: LayerConfig) -> Iterator[Stage]:
        learned = self.learned(config)
        if "o" in learned:
            yield Stage(
                "do",
                "doₜ",
                "output gate",
                "doₜ = dhₜ⊙tanh(Cₜ)",
                "{dh}·{tanh_c}",
                "The gate multiplied tanh(Cₜ), so its gradient is dhₜ times that.",
            )
            yield through_sigmoid("o", "output sum")
        yield self._memory_backward(config)
        if "i" in learned or (self._input_follows_forget(config) and "f" in learned):
            yield Stage(
                "di",
                "diₜ",
                "input gate",
                "diₜ = dCₜ⊙gₜ",
                "{dc}·{g}",
                "The gate multiplied the candidate, so its gradient is dCₜ times that.",
            )
        if "i" in learned:
            yield through_sigmoid("i", "input sum")
        if "f" in learned:
            yield self._forget_backward(config)
            yield through_sigmoid("f", "forget sum")
        yield Stage(
            "dg",
            "dgₜ",
            "candidate",
            "dgₜ = dCₜ⊙iₜ",
            "{dc}·{i}",
            "The candidate was let in by the input gate: what the gate kept out does not count.",
        )
        yield through_tanh("g", "_g", "candidate sum")
        yield weight_gradients(" The same for peepholes: dp += da⊙C." if config.peephole else "")
        yield back_to_h([], [(name, f"_{name}") for name in learned])
        yield self._back_to_memory(config)

    def _memory_backward(self, config: LayerConfig) -> Stage:
        parts = [Part("through h", "dhₜ⊙oₜ⊙(1 - tanh²(Cₜ))", "dc.hidden"), Part("from t+1", "dCₜ₊₁⊙fₜ₊₁", "dc.next")]
        filled = "{dh}·{o}·(1 - {tanh_c}²) + {dc.next}"
        if config.peephole:
            # The next step's peepholes then also contribute from t+1.
            parts[1] = Part("from t+1", "dCₜ from t+1", "dc.next")
            if "o" in self.learned(config):
                parts.append(Part("peephole", "p_o⊙da_o", "dc.peephole"))
                filled += " + {dc.peephole}"
        return Stage(
            "dc",
            "dCₜ",
            "memory",
            "dCₜ = " + " + ".join(part.symbol for part in parts),
            filled,
            "The memory counts through the output now, and through the memory of the next character, scaled by the "
            "forget gate there.",
            tuple(parts),
        )

    def _forget_backward(self, config: LayerConfig) -> Stage:
        meaning = (
            "The gate multiplied the old memory. Where that was 0, as before the first character, it learns nothing"
        )
        if not self._input_follows_forget(config):
            return Stage("df", "dfₜ", "forget gate", "dfₜ = dCₜ⊙Cₜ₋₁", "{dc}·{c_prev}", meaning + ".")
        return Stage(
            "df",
            "dfₜ",
            "forget gate",
            "dfₜ = dCₜ⊙Cₜ₋₁ - diₜ",
            "{dc}·{c_prev} - {di}",
            meaning + " from it; but because iₜ = 1 - fₜ, it also decides what is written.",
            (Part("kept", "dCₜ⊙Cₜ₋₁", "df.kept"), Part("i = 1 - f", "-diₜ", "df.input")),
        )

    def _back_to_memory(self, config: LayerConfig) -> Stage:
        carried, filled = [Part("kept", "dCₜ⊙fₜ", "dc_prev.kept")], "{dc}·{f}"
        if config.peephole:
            for name in "fi":
                if name in self.learned(config):
                    carried.append(Part(f"peephole {name}", f"p_{name}⊙da_{name}", f"dc_prev.{name}"))
                    filled += f" + {{dc_prev.{name}}}"
        return Stage(
            "dc_prev",
            "dCₜ₋₁",
            "back to C",
            "dCₜ₋₁ = " + " + ".join(part.symbol for part in carried),
            filled,
            "The way back along the memory: just times fₜ, no weight matrix. Unit {unit} passes {f:%} of its gradient "
            "on. (Through hₜ₋₁ there are more ways back.)",
            tuple(carried) if len(carried) > 1 else (),
        )

    def learned(self, config: LayerConfig) -> tuple[str, ...]:
        """Without those of a forced gate, and without i if it is 1 − f."""
        forced = {title[0] for title in config.force} | ({"i"} if config.coupled else set())
        return tuple(name for name in _ALL if name not in forced)

    @staticmethod
    def _input_follows_forget(config: LayerConfig) -> bool:
        return config.coupled and "input" not in config.force

    def state_values(self, acts: Activations, t: int, v: Values) -> None:
        assert acts.extra is not None
        v["c_prev"], v["c"], v["tanh_c"] = acts.c_previous[t, 0], acts.c_output[t, 0], acts.extra[t, 0]
        v["c.kept"], v["c.written"] = v["f"] * v["c_prev"], v["i"] * v["g"]

    def summands(self, weights: NamedWeights, v: Values, gate: str) -> Values:
        parts = super().summands(weights, v, gate)
        if f"p_{gate}" in weights.vectors:
            parts["peephole"] = weights.vectors[f"p_{gate}"] * v["c" if gate == "o" else "c_prev"]
        return parts

    def state_gradients(self, weights: NamedWeights, v: Values, later: Values) -> None:
        """Against the order of the forward pass: o, then C, then what went into C."""
        config, vectors = weights.config, weights.vectors
        learned = self.learned(config)
        v["dc.next"] = later.get("dc_prev", np.zeros(config.hidden_size))
        v["do"] = v["dh"] * v["tanh_c"]
        v["dc.hidden"] = v["dh"] * v["o"] * (1 - v["tanh_c"] ** 2)
        v["dc"] = v["dc.hidden"] + v["dc.next"]
        if "o" in learned:
            v["da_o"] = v["do"] * v["o"] * (1 - v["o"])
            if config.peephole:  # o looked at Cₜ
                v["dc.peephole"] = vectors["p_o"] * v["da_o"]
                v["dc"] = v["dc"] + v["dc.peephole"]
        v["di"] = v["dc"] * v["g"]
        if "i" in learned:
            v["da_i"] = v["di"] * v["i"] * (1 - v["i"])
        v["df.kept"] = v["df"] = v["dc"] * v["c_prev"]
        if self._input_follows_forget(config):
            v["df.input"] = -v["di"]
            v["df"] = v["df"] + v["df.input"]
        if "f" in learned:
            v["da_f"] = v["df"] * v["f"] * (1 - v["f"])
        v["dg"] = v["dc"] * v["i"]
        v["da_g"] = v["dg"] * (1 - v["g"] ** 2)
        v["dc_prev.kept"] = v["dc_prev"] = v["dc"] * v["f"]
        for name in "fi":
            if config.peephole and name in learned:  # they looked at Cₜ₋₁
                v[f"dc_prev.{name}"] = vectors[f"p_{name}"] * v[f"da_{name}"]
                v["dc_prev"] = v["dc_prev"] + v[f"dc_prev.{name}"]

    def weight_gradient(self, config: LayerConfig, v: Values) -> Values:
        gradient, zero = super().weight_gradient(config, v), np.zeros(config.hidden_size)
        if config.peephole:
            seen = {"i": "c_prev", "f": "c_prev", "o": "c"}
            gradient["peephole"] = np.stack([v.get(f"da_{name}", zero) * v[c] for name, c in seen.items()])
        return gradient

    def output_slope(self, weights: Weights, acts: Activations) -> np.ndarray:
        """(T, B, H): h = o⊙tanh(C), where a peephole lets o see C as well."""
        o, tanh_c = acts.blocks["o"], acts.extra
        assert tanh_c is not None
        slope: np.ndarray = o * (1 - tanh_c**2)
        if weights.peephole is not None and "output" not in acts.config.force:
            slope = slope + tanh_c * o * (1 - o) * weights.peephole[2]
        return slope

    def retention(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        return values["f"]

    def code(self, config: LayerConfig) -> dict[str, Code]:
        def slope(name: str, c: str, numpy: str) -> dict[str, Code]:
            code = Code((c,), (numpy, "da[t, :, 3] *= dh" if name == "o" else "da[t, :, :3] *= dc_through[:, None]"))
            return {f"d{name}": code, f"da_{name}": code}

        sums = Code((RECURRENT_C,), ("a += (acts.masked(h_previous[t]) @ U)",))
        states = "h, h_previous, c, c_previous = acts.output"
        code = {
            "h_prev": Code((LAST_STATE_C,), (states,)),
            "c_prev": Code((".c_before = p->c ?",), (states,)),
            **{f"a_{name}": sums for name in _ALL},
            "f": Code(("vec f = vsigmoid(af);",), ("sigmoid(a[:, :2], out=a[:, :2])",)),
            "i": Code(("vec i = options & LC_COUPLED",), ("sigmoid(a[:, :2], out=a[:, :2])",)),
            "g": Code(("vec g = vtanh(",), ("np.tanh(g, out=g)",)),
            "c": Code(("vec ct = f * cp + i * g;",), ("np.multiply(f, c_previous[t], out=c[t])", "c[t] += i * g")),
            "o": Code(("vec o = vsigmoid(ao);",), ("sigmoid(o, out=o)",)),
            "tanh_c": Code(("vec tc = vtanh(ct);",), ("np.tanh(c[t], out=tanh_c[t])",)),
            "h": Code(("store_n(l->h + u, o * tc, n);",), ("np.multiply(o, tanh_c[t], out=h[t])",)),
            "dh": DH,
            "dc": Code(("vec dc = load_n(l->dc_next + u, n)",), ("dc_through = dh * slope_c[t]", "dc_through += dc")),
            **slope("o", "vec da_o = dh * tc * o", "slope_o[...] = tanh_c"),
            **slope("i", "vec da_i = di * i", "slope_i[...] = g * i"),
            **slope("f", "vec da_f = df * f", "slope_f[...] = c_previous"),
            **slope("g", "vec da_g = dc * i", "slope_g[...] = i"),
            "dW": Code(WEIGHTS_C, ("np.matmul(h_previous.T, da.reshape(",)),
            "dh_prev": Code(
                ("back_through_weights(p, g, (product){.K = columns",), ("dh_previous = acts.masked(da[t]",)
            ),
            "dc_prev": Code(("vec dc_before = dc * f;",), ("dc_previous = dc_through * f[t]",)),
        }
        products = Code(("vec di = dc * g, df = dc * cp;",), ())
        code["di"], code["df"] = products + Code((), code["di"].numpy), products + Code((), code["df"].numpy)
        if config.peephole:
            code["a_i"] = sums + Code(("ai += load_n(p + u, n) * cp;",), ("a[:, :2] += peephole[:2]",))
            code["a_f"] = sums + Code(("af += load_n(p + H + u, n) * cp;",), ("a[:, :2] += peephole[:2]",))
            code["a_o"] = sums + Code(("ao += load_n(p + 2 * H + u, n) * ct;",), ("o += peephole[2] * c[t]",))
            code["dc"] += Code(
                ("dc += da_o * load_n(p + 2 * H + u, n);",), ("dc_through += da[t, :, 3] * peephole[2]",)
            )
            code["dc_prev"] += Code(
                ("dc_before += da_i * load_n(p + u, n)",), ("dc_previous += da[t, :, 0] * peephole[0]",)
            )
        if config.coupled:
            code["i"] = Code(code["i"].c, ("np.subtract(1, f, out=i)",))
        if self._input_follows_forget(config):
            code["df"] += Code(("df -= di;",), ("slope_f -= g * f * (1 - f)",))
        forced = {
            "f": Code(("f = splat((real)l->force_value[1]);",), ('f[...] = config.force["forget"]',)),
            "i": Code(("i = splat((real)l->force_value[0]);",), ('i[...] = config.force["input"]',)),
            "o": Code(("o = splat((real)l->force_value[2]);",), ('o[...] = config.force["output"]',)),
        }
        return code | {title[0]: forced[title[0]] for title in config.force}

    def circuit(self, config: LayerConfig) -> Circuit:
        return _CIRCUIT


_OPERATORS = {
    "A": Operator("×", ("c", "df", "dc_prev")),
    "B": Operator("+", ("c",)),
    "C": Operator("×", ("c", "di", "dg")),
    "D": Operator("tanh", ("tanh_c", "dc")),
    "E": Operator("×", ("h", "do", "dc")),
    "F": Operator("σ", ("f", "da_f")),
    "G": Operator("σ", ("i", "da_i")),
    "H": Operator("tanh", ("g", "da_g")),
    "I": Operator("σ", ("o", "da_o")),
}
_SMALL = Circuit(
    """
    ╶─────A──────────B─────────┬──╴
          │      ╭───C───╮     D
                               E──╴
""",
    (
        Node("c_prev", "dc_prev", 0, 0),
        Node("c", "dc", 0, RIGHT),
        Node("h_prev", "dh_prev", 2, 0),
        small_gate("f", 2, 10),
        small_gate("i", 2, 17),
        small_gate("g", 2, 25),
        small_gate("o", 3, 31),
        Node("h", "dh", 2, RIGHT),
    ),
    {letter: operator for letter, operator in _OPERATORS.items() if letter in "ABCDE"},
)
_CIRCUIT = Circuit(
    """
         ╶─────────A────────────────────────────B─────────────┬──────────╴
                   │                            │             │
                   │             ╭──────────────C             D
                   │             │              │             │
                   │             │              │             E──────────╴
                   │             │              │             │


                   F             G              H             I


         ╶─────┬───┴─────────────┴──────────────┴─────────────╯
""",
    (
        Node("c_prev", "dc_prev", 0, 0),
        Node("c", "dc", 0, RIGHT),
        *gate_nodes("f", 6, 19),
        *gate_nodes("i", 6, 33),
        *gate_nodes("g", 6, 48),
        *gate_nodes("o", 6, 62),
        Node("h_prev", "dh_prev", 11, 0),
        Node("h", "dh", 4, RIGHT),
        Node("x", "", 12, 15),
    ),
    _OPERATORS,
    _SMALL,
)
