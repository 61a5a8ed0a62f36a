"""The story of one step of each cell: every stage's name, equation and meaning, without its numbers.

``walk`` computes the numbers. A stage's ``filled`` and ``meaning`` have places for them, such as
``{c_prev}`` (a number) or ``{f:%}`` (a percentage), which are filled in for one unit.

Notation: subscript t is the character's number, · a matrix product (or a product of two numbers),
⊙ a product element by element, and dX short for ∂L/∂X. W_fh and W_fx are the columns of W_f that
meet h and x. Gates have PyTorch's letters; g and n are the candidate, in many textbooks C or h with a tilde.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.config import BLOCKS, LayerConfig

_SUPERSCRIPTS_AND_SIGNS = {
    "σ": "sigmoid",
    "·": "*",
    "⊙": "*",
    "ᵀ": "^T",
    "²": "^2",
    "⁵⁰": "^50",
    "√": "sqrt",
    "Σ": "sum",
    "‖": "|",
    "∂": "d",
    "≈": "~",
    "ₜ₋₁": "_{t-1}",
    "ₜ₊₁": "_{t+1}",
    "ₜ": "_t",
}
_DIGITS, _SUBSCRIPTS = "0123456789", "₀₁₂₃₄₅₆₇₈₉"
_LOWER, _RAISE = str.maketrans(_DIGITS, _SUBSCRIPTS), str.maketrans(_SUBSCRIPTS, _DIGITS)


@dataclass(frozen=True)
class Part:
    """One summand of a stage's value, such as the recurrent part of a gate's pre-activation.

    ``key`` is its name in ``Step.values``. If it is a matrix product, ``matrix`` (a key of
    ``Walk.matrices``) and ``vector`` (one of ``Step.values``) are its factors.
    """

    label: str
    symbol: str
    key: str
    matrix: str = ""
    vector: str = ""


@dataclass(frozen=True)
class Stage:
    """One quantity of a step; ``id`` is its name in ``Step.values``.

    ``axis`` says what its values run over: "unit" (H), "symbol" (V), "input" (D), "scalar" (1),
    "array" (one per weight array), or "weights": gradients of weights, see ``Step.weight_gradient``.
    ``span`` says where they can lie: "gate" within 0 and 1, "tanh" within −1 and 1, "free" anywhere.
    """

    id: str
    symbol: str
    name: str
    equation: str
    filled: str
    meaning: str
    parts: tuple[Part, ...] = ()
    axis: str = "unit"
    span: str = "free"


def to_ascii(text: str) -> str:
    """The same in ASCII: "fₜ = σ(a_f)" becomes "f_t = sigmoid(a_f)"; what has no likeness becomes an escape."""
    for sign, plain in _SUPERSCRIPTS_AND_SIGNS.items():
        text = text.replace(sign, plain)
    text = re.sub(f"[{_SUBSCRIPTS}]+", lambda digits: "_" + digits[0].translate(_RAISE), text)
    return text.encode("ascii", "backslashreplace").decode("ascii")


def at_step(text: str, t: int) -> str:
    """``text`` with the subscripts of character number ``t``: "Cₜ₋₁" becomes "C₁" at t = 2."""
    for subscript, number in (("ₜ₋₁", t - 1), ("ₜ₊₁", t + 1), ("ₜ", t)):
        text = text.replace(subscript, str(number).translate(_LOWER))
    return text


def suffix(cell: str, gate: str) -> str:
    """What tells the weights of a gate apart: "_f" for W_f; nothing for an RNN, whose W is the only one."""
    return "" if cell == "rnn" else f"_{gate}"


def learned_gates(config: LayerConfig) -> tuple[str, ...]:
    """The blocks of W that have an effect: not those of a forced gate, nor i if it is 1 − f."""
    forced = {name[0] for name in config.force}
    if config.coupled:
        forced.add("i")
    return tuple(gate for gate in BLOCKS[config.cell] if gate not in forced)


def forward_stages(config: LayerConfig, *, symbols: bool) -> tuple[Stage, ...]:
    """The stages of one step forward, from the input to the loss.

    ``symbols``: the layer reads characters; otherwise the output of the layer below.
    """
    cell = {"lstm": _lstm_forward, "gru": _gru_forward, "rnn": _rnn_forward}[config.cell]
    return (*_arrivals(config, symbols), *cell(config), *_prediction())


def backward_stages(config: LayerConfig) -> tuple[Stage, ...]:
    """The stages of one step backward, from the prediction's error to what goes on to the step before."""
    cell = {"lstm": _lstm_backward, "gru": _gru_backward, "rnn": _rnn_backward}[config.cell]
    return (*_error(), *cell(config))


# --- forward ---------------------------------------------------------------------------------


def _arrivals(config: LayerConfig, symbols: bool) -> Iterator[Stage]:
    """What the step starts from."""
    if symbols:
        yield Stage(
            "x",
            "xₜ",
            "input",
            "xₜ = one-hot(character)",
            "",
            "The character enters as a vector with a single 1, so W·xₜ is just the column of W that belongs to it.",
            axis="input",
            span="gate",
        )
    else:
        yield Stage(
            "x",
            "xₜ",
            "input",
            "xₜ = hₜ of the layer below",
            "",
            "This layer reads what the layer below it gives out for the same character.",
            axis="input",
            span="tanh",
        )
    yield Stage(
        "h_prev",
        "hₜ₋₁",
        "last output",
        "hₜ₋₁",
        "",
        "What the cell gave out at the character before; zero before the first. Every gate sees it beside the input.",
        span="tanh",
    )
    if config.cell == "lstm":
        yield Stage(
            "c_prev",
            "Cₜ₋₁",
            "last memory",
            "Cₜ₋₁",
            "",
            "The memory as the character before left it; zero before the first.",
        )


def _sum(config: LayerConfig, gate: str, name: str, meaning: str) -> Stage:
    """The pre-activation of a gate, W·[hₜ₋₁, xₜ] + b, and the peephole where there is one."""
    s = suffix(config.cell, gate)
    parts = [
        Part("recurrent", f"W{s or '_'}h·hₜ₋₁", f"a{s}.recurrent", f"W{s or '_'}h", "h_prev"),
        Part("input", f"W{s or '_'}x·xₜ", f"a{s}.input", f"W{s or '_'}x", "x"),
        Part("bias", f"b{s}", f"a{s}.bias"),
    ]
    equation = f"a{s} = W{s}·[hₜ₋₁, xₜ] + b{s}"
    if config.peephole and gate in "ifo":
        seen = "Cₜ" if gate == "o" else "Cₜ₋₁"
        parts.append(Part("peephole", f"p{s}⊙{seen}", f"a{s}.peephole"))
        equation += f" + p{s}⊙{seen}"
    return Stage(f"a{s}", f"a{s}", name, equation, _plus(parts), meaning, tuple(parts))


def _plus(parts: list[Part]) -> str:
    return " + ".join(f"{{{part.key}}}" for part in parts)


def _lstm_forward(config: LayerConfig) -> Iterator[Stage]:
    """Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000)."""
    learned = learned_gates(config)

    def gate(gate: str, name: str, why: str, meaning: str) -> Iterator[Stage]:
        if gate in learned:
            yield _sum(config, gate, name.replace(" gate", "") + " sum", why)
            equation, filled = f"{gate}ₜ = σ(a_{gate})", f"σ({{a_{gate}}})"
        elif name.removesuffix(" gate") in config.force:
            equation, filled = f"{gate}ₜ is forced", ""
            meaning = "This gate is held at a constant: it sees nothing, and its weights learn nothing."
        else:
            equation, filled = "iₜ = 1 - fₜ", "1 - {f}"
            meaning = "Coupled gates: exactly as much is written as is forgotten."
        yield Stage(gate, f"{gate}ₜ", name, equation, filled, meaning, span="gate")

    forget = gate(
        "f",
        "forget gate",
        "Reasons to keep the memory: from the last output, from this character, and the bias. Training starts with "
        "b_f = 1, which leans towards keeping.",
        "The share of the memory that stays: unit {unit} keeps {f:%}. At a_f = 1 that is 73 %, which leans towards "
        "keeping; but 0.73⁵⁰ is only 0.0000002.",
    )
    admit = gate(
        "i",
        "input gate",
        "Reasons to write, from the same two sources, but with weights of its own.",
        "How far the memory is opened for writing: unit {unit} takes {i:%} of its candidate.",
    )
    yield from forget
    yield from admit
    yield _sum(config, "g", "candidate sum", "The raw proposal for something new to remember.")
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
        "Kept plus written. The old memory is only scaled by its gate: no weight matrix and no squeezing on the way "
        "from Cₜ₋₁ to Cₜ.",
        (Part("kept", "fₜ⊙Cₜ₋₁", "c.kept"), Part("written", "iₜ⊙gₜ", "c.written")),
    )
    yield from gate(
        "o",
        "output gate",
        "Reasons to show the memory at this character.",
        "How much of the memory shows outside: unit {unit} shows {o:%}. What is hidden is still remembered.",
    )
    yield Stage(
        "tanh_c",
        "tanh(Cₜ)",
        "squeezed",
        "tanh(Cₜ)",
        "tanh({c})",
        "The memory squeezed into -1 to 1, for the output only: Cₜ itself goes on unchanged.",
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


def _gru_forward(config: LayerConfig) -> Iterator[Stage]:
    """Cho et al. (2014), in the textbook's convention: z is how much is new."""
    yield _sum(config, "r", "reset sum", "Reasons to let the old state take part in the candidate.")
    yield Stage(
        "r",
        "rₜ",
        "reset gate",
        "rₜ = σ(a_r)",
        "σ({a_r})",
        "How much of the old state the candidate gets to see: unit {unit} lets {r:%} through.",
        span="gate",
    )
    yield _sum(config, "z", "update sum", "Reasons to replace the old state by the candidate.")
    yield Stage(
        "z",
        "zₜ",
        "update gate",
        "zₜ = σ(a_z)",
        "σ({a_z})",
        "How much of the state is renewed: unit {unit} renews {z:%}. PyTorch's z is the opposite, the share kept.",
        span="gate",
    )
    if config.reset_after:
        recurrent = [Part("memory", "W_nh·hₜ₋₁", "m.recurrent", "W_nh", "h_prev"), Part("bias", "b_nh", "m.bias")]
        yield Stage(
            "m",
            "mₜ",
            "memory's view",
            "mₜ = W_nh·hₜ₋₁ + b_nh",
            _plus(recurrent),
            "What the old state says about the candidate, with a bias of its own, before the reset gate acts on it.",
            tuple(recurrent),
        )
        parts = [
            Part("reset", "rₜ⊙mₜ", "a_n.recurrent"),
            Part("input", "W_nx·xₜ", "a_n.input", "W_nx", "x"),
            Part("bias", "b_n", "a_n.bias"),
        ]
        equation, filled = "a_n = rₜ⊙mₜ + W_nx·xₜ + b_n", "{r}·{m} + {a_n.input} + {a_n.bias}"
        why = "The reset gate acts after the matrix product (cuDNN's and PyTorch's GRU)."
    else:
        yield Stage(
            "s",
            "sₜ",
            "reset state",
            "sₜ = rₜ⊙hₜ₋₁",
            "{r}·{h_prev}",
            "The old state as the candidate gets to see it: the reset gate acts before the matrix product.",
            span="tanh",
        )
        parts = [
            Part("recurrent", "W_nh·sₜ", "a_n.recurrent", "W_nh", "s"),
            Part("input", "W_nx·xₜ", "a_n.input", "W_nx", "x"),
            Part("bias", "b_n", "a_n.bias"),
        ]
        equation, filled = "a_n = W_n·[sₜ, xₜ] + b_n", _plus(parts)
        why = "The raw proposal for the new state, from the reset state and the character."
    yield Stage("a_n", "a_n", "candidate sum", equation, filled, why, tuple(parts))
    yield Stage(
        "n",
        "nₜ",
        "candidate",
        "nₜ = tanh(a_n)",
        "tanh({a_n})",
        "The proposed new state, squeezed into -1 to 1. Many textbooks write it as h with a tilde.",
        span="tanh",
    )
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


def _rnn_forward(config: LayerConfig) -> Iterator[Stage]:
    """Elman (1990)."""
    yield _sum(config, "h", "sum", "The last output and this character, each through its weights, and the bias.")
    yield Stage(
        "h",
        "hₜ",
        "output",
        "hₜ = tanh(a)",
        "tanh({a})",
        "Memory and output at once. It is made anew at every character, through the whole matrix: no gate protects it.",
        span="tanh",
    )


def _prediction() -> Iterator[Stage]:
    parts = [Part("output", "W_y·hₜ", "y.hidden", "W_y", "h"), Part("bias", "b_y", "y.bias")]
    yield Stage(
        "y",
        "yₜ",
        "scores",
        "yₜ = W_y·hₜ + b_y",
        _plus(parts),
        "One score for every character that could come next. Only the differences between them matter.",
        tuple(parts),
        axis="symbol",
    )
    yield Stage(
        "p",
        "pₜ",
        "softmax",
        "pₜ = exp(yₜ) / Σ exp(yₜ)",
        "exp({y}) / {exp_sum}",
        "The scores as probabilities: all positive, together 1. The character that really comes next gets {p:%}.",
        axis="symbol",
        span="gate",
    )
    yield Stage(
        "loss",
        "Lₜ",
        "loss",
        "Lₜ = -ln pₜ[target]",
        "-ln {p}",
        "How surprising the true next character was, in nats. Guessing evenly would cost ln {V} = {even}.",
        axis="scalar",
    )


# --- backward --------------------------------------------------------------------------------


def _error() -> Iterator[Stage]:
    """From the loss to the gradient at the cell's output."""
    yield Stage(
        "dy",
        "dyₜ",
        "scores",
        "dyₜ = (pₜ - one-hot(target)) / T",
        "({p} - 1) / {T}",
        "dX means ∂L/∂X. Softmax and logarithm together leave just: prediction minus truth. T, because the loss is "
        "the mean over {T} characters.",
        axis="symbol",
    )
    yield Stage(
        "dW_y",
        "dW_y",
        "out weights",
        "dW_y += dyₜ·hₜᵀ, db_y += dyₜ",
        "",
        "Each weight from a unit to a score: the score's gradient times the unit's output. Summed over all characters.",
        axis="weights",
    )
    parts = [Part("prediction", "W_yᵀ·dyₜ", "dh.output", "W_y.T", "dy"), Part("from t+1", "dhₜ from t+1", "dh.next")]
    yield Stage(
        "dh",
        "dhₜ",
        "output",
        "dhₜ = W_yᵀ·dyₜ + dhₜ from t+1",
        _plus(parts),
        "How the loss changes with the output: through the prediction here, and through all that hₜ does later. "
        "Walking backwards, the second part is known already; after the last character it is 0.",
        tuple(parts),
    )


def _slope(gate: str, squash: str, name: str, meaning: str, suffix: str | None = None) -> Stage:
    """The gradient of a pre-activation: that of the gate times the slope of σ or tanh."""
    s = f"_{gate}" if suffix is None else suffix
    slope = {"σ": f"{gate}ₜ⊙(1 - {gate}ₜ)", "tanh": f"(1 - {gate}ₜ²)"}[squash]
    filled = {"σ": f"{{{gate}}}·(1 - {{{gate}}})", "tanh": f"(1 - {{{gate}}}²)"}[squash]
    return Stage(f"da{s}", f"da{s}", name, f"da{s} = d{gate}ₜ⊙{slope}", f"{{d{gate}}}·{filled}", meaning)


_SIGMOID_SLOPE = "Back through σ, whose slope is at most 1/4, and next to nothing where the gate is nearly 0 or 1."
_TANH_SLOPE = "Back through tanh, whose slope is 1 at 0 and next to nothing near -1 and 1."


def _weights(config: LayerConfig) -> Stage:
    cell = config.cell
    equation = "dW += da·[hₜ₋₁, xₜ]ᵀ, db += da"
    meaning = (
        "Each weight: gradient of its sum times what it multiplied, an outer product. All characters share the "
        "weights, so their contributions add up."
    )
    if cell == "gru":
        meaning += (
            " For W_nh and b_nh, da is dmₜ." if config.reset_after else " For W_n, the state is sₜ, the reset one."
        )
    elif config.peephole:
        meaning += " Peepholes alike: dp += da⊙C."
    return Stage("dW", "dW, db", "weights", equation, "", meaning, axis="weights")


def _to_previous(config: LayerConfig, extra: list[Part], blocks: tuple[str, ...]) -> Stage:
    """∂L/∂hₜ₋₁ through every gate of ``blocks``, and the ``extra`` ways past them."""
    parts = list(extra)
    for gate in blocks:
        s = suffix(config.cell, gate)
        parts.append(Part(f"through {gate}", f"W{s or '_'}hᵀ·da{s}", f"dh_prev.{gate}", f"W{s or '_'}h.T", f"da{s}"))
    equation = "dhₜ₋₁ = " + " + ".join(part.symbol for part in parts)
    return Stage(
        "dh_prev",
        "dhₜ₋₁",
        "back to h",
        equation,
        _plus(parts),
        "What goes back to the character before, to join the gradient of its own prediction. Every way through a gate "
        "has passed a slope and a weight matrix.",
        tuple(parts),
    )


def _lstm_backward(config: LayerConfig) -> Iterator[Stage]:
    learned = learned_gates(config)
    input_follows_forget = config.coupled and "input" not in config.force
    if "o" in learned:
        yield Stage(
            "do",
            "doₜ",
            "output gate",
            "doₜ = dhₜ⊙tanh(Cₜ)",
            "{dh}·{tanh_c}",
            "The gate multiplied tanh(Cₜ), so its gradient is dhₜ times that.",
        )
        yield _slope("o", "σ", "output sum", _SIGMOID_SLOPE)
    parts = [Part("through h", "dhₜ⊙oₜ⊙(1 - tanh²(Cₜ))", "dc.hidden"), Part("from t+1", "dCₜ₊₁⊙fₜ₊₁", "dc.next")]
    filled = "{dh}·{o}·(1 - {tanh_c}²) + {dc.next}"
    if config.peephole:
        # From t+1 then comes also what the next step's peepholes say.
        parts[1] = Part("from t+1", "dCₜ from t+1", "dc.next")
        if "o" in learned:
            parts.append(Part("peephole", "p_o⊙da_o", "dc.peephole"))
            filled += " + {dc.peephole}"
    yield Stage(
        "dc",
        "dCₜ",
        "memory",
        "dCₜ = " + " + ".join(part.symbol for part in parts),
        filled,
        "The memory counts through the output now, and through the memory of the next character, scaled by the forget "
        "gate there.",
        tuple(parts),
    )
    if "i" in learned or (input_follows_forget and "f" in learned):
        yield Stage(
            "di",
            "diₜ",
            "input gate",
            "diₜ = dCₜ⊙gₜ",
            "{dc}·{g}",
            "The gate multiplied the candidate, so its gradient is dCₜ times that.",
        )
    if "i" in learned:
        yield _slope("i", "σ", "input sum", _SIGMOID_SLOPE)
    if "f" in learned:
        coupled = (Part("kept", "dCₜ⊙Cₜ₋₁", "df.kept"), Part("i = 1 - f", "-diₜ", "df.input"))
        yield Stage(
            "df",
            "dfₜ",
            "forget gate",
            "dfₜ = dCₜ⊙Cₜ₋₁ - diₜ" if input_follows_forget else "dfₜ = dCₜ⊙Cₜ₋₁",
            "{dc}·{c_prev} - {di}" if input_follows_forget else "{dc}·{c_prev}",
            "The gate multiplied the old memory. Where that was 0, as before the first character, it learns nothing"
            + (" from it; but as iₜ = 1 - fₜ, it answers for what is written, too." if input_follows_forget else "."),
            coupled if input_follows_forget else (),
        )
        yield _slope("f", "σ", "forget sum", _SIGMOID_SLOPE)
    yield Stage(
        "dg",
        "dgₜ",
        "candidate",
        "dgₜ = dCₜ⊙iₜ",
        "{dc}·{i}",
        "The candidate was let in by the input gate: what the gate kept out does not count.",
    )
    yield _slope("g", "tanh", "candidate sum", _TANH_SLOPE)
    yield _weights(config)
    yield _to_previous(config, [], learned)
    carried = [Part("kept", "dCₜ⊙fₜ", "dc_prev.kept")]
    filled = "{dc}·{f}"
    if config.peephole:
        for gate in "fi":
            if gate in learned:
                carried.append(Part(f"peephole {gate}", f"p_{gate}⊙da_{gate}", f"dc_prev.{gate}"))
                filled += f" + {{dc_prev.{gate}}}"
    yield Stage(
        "dc_prev",
        "dCₜ₋₁",
        "back to C",
        "dCₜ₋₁ = " + " + ".join(part.symbol for part in carried),
        filled,
        "The way back along the memory: just times fₜ, no weight matrix. Unit {unit} passes {f:%} of its gradient on. "
        "(Through hₜ₋₁ there are more ways back.)",
        tuple(carried) if len(carried) > 1 else (),
    )


def _gru_backward(config: LayerConfig) -> Iterator[Stage]:
    yield Stage(
        "dz",
        "dzₜ",
        "update gate",
        "dzₜ = dhₜ⊙(nₜ - hₜ₋₁)",
        "{dh}·({n} - {h_prev})",
        "The gate shifts weight from old to new, so what counts is how far the two differ.",
    )
    yield _slope("z", "σ", "update sum", _SIGMOID_SLOPE)
    yield Stage(
        "dn",
        "dnₜ",
        "candidate",
        "dnₜ = dhₜ⊙zₜ",
        "{dh}·{z}",
        "The candidate came in with share zₜ, so that share of the gradient goes to it.",
    )
    yield _slope("n", "tanh", "candidate sum", _TANH_SLOPE)
    if config.reset_after:
        yield Stage(
            "dm",
            "dmₜ",
            "memory's view",
            "dmₜ = da_n⊙rₜ",
            "{da_n}·{r}",
            "What the old state says about the candidate was scaled by the reset gate; so is its gradient.",
        )
        reset, reset_filled, product = (
            "da_n⊙mₜ",
            "{da_n}·{m}",
            Part("through n", "W_nhᵀ·dmₜ", "dh_prev.n", "W_nh.T", "dm"),
        )
        multiplied = "mₜ"
    else:
        part = Part("candidate", "W_nhᵀ·da_n", "ds", "W_nh.T", "da_n")
        yield Stage(
            "ds",
            "dsₜ",
            "reset state",
            "dsₜ = W_nhᵀ·da_n",
            "{ds}",
            "Back through the candidate's recurrent weights, to the state as the reset gate had left it.",
            (part,),
        )
        reset, reset_filled, product = "dsₜ⊙hₜ₋₁", "{ds}·{h_prev}", Part("through n", "dsₜ⊙rₜ", "dh_prev.n")
        multiplied = "hₜ₋₁"
    yield Stage(
        "dr",
        "drₜ",
        "reset gate",
        f"drₜ = {reset}",
        reset_filled,
        f"The gate multiplied {multiplied}, so its gradient is that of the product times {multiplied}.",
    )
    yield _slope("r", "σ", "reset sum", _SIGMOID_SLOPE)
    yield _weights(config)
    kept = Part("kept", "dhₜ⊙(1 - zₜ)", "dh_prev.kept")
    yield _to_previous(config, [kept, product], ("r", "z"))


def _rnn_backward(config: LayerConfig) -> Iterator[Stage]:
    yield _slope("h", "tanh", "sum", _TANH_SLOPE, suffix="")
    yield _weights(config)
    yield _to_previous(config, [], ("h",))


#: What comes after the walk back: all contributions together, and what the optimizer makes of them.
UPDATE_STAGES = (
    Stage(
        "total",
        "Σ dW",
        "all together",
        "‖dW‖ = √(Σ dW²), summed over t",
        "",
        "The contributions of all characters added up, here the size of each array. The engine's own gradient differs "
        "by {difference} at most.",
        axis="array",
    ),
    Stage(
        "norm",
        "‖dL‖",
        "norm",
        "‖dL‖ = √(Σ ‖dW‖²)",
        "√{squares}",
        "One number for how steep the loss is here: the length of the whole gradient, all arrays together.",
        axis="scalar",
    ),
    Stage(
        "scale",
        "scale",
        "clipping",
        "scale = min(1, limit / ‖dL‖)",
        "min(1, {limit} / {norm})",
        "A longer gradient is scaled down to the limit before the update. That keeps its direction and tames "
        "explosions; it does nothing against vanishing.",
        axis="scalar",
    ),
)
