"""What one quantity of one step is called, how it is computed and what it is for; without its numbers.

A stage's ``filled`` and ``meaning`` are templates, with places such as ``{c_prev}`` (a number) or ``{f:%}``
(a percentage) for the numbers of one unit.

Notation: subscript t is the character's number, · a matrix product (or a product of two numbers),
⊙ a product element by element, and dX short for ∂L/∂X. W_fh and W_fx are the columns of W_f that
meet h and x. Gates have PyTorch's letters; g and n are the candidate, in many textbooks C or h with a tilde.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: Where values can lie: within 0 and 1, within −1 and 1, anywhere.
Span = Literal["gate", "tanh", "free"]


@dataclass(frozen=True)
class Part:
    """One summand of a stage's value, such as the recurrent part of a gate's pre-activation.

    ``key`` is its name among the step's values. If it is a matrix product, ``matrix`` (one of the walk's
    matrices) and ``vector`` (one of the step's values) are its factors.
    """

    label: str
    symbol: str
    key: str
    matrix: str = ""
    vector: str = ""


@dataclass(frozen=True)
class Stage:
    """One quantity of a step; ``id`` is its name among the step's values.

    ``axis`` says what its values run over: "unit" (H), "symbol" (V), "input" (D), "scalar" (1),
    "array" (one per weight array), or "weights": gradients of weights. ``span`` says where they can lie.
    """

    id: str
    symbol: str
    name: str
    equation: str
    filled: str
    meaning: str
    parts: tuple[Part, ...] = ()
    axis: str = "unit"
    span: Span = "free"


def plus(parts: Sequence[Part]) -> str:
    """The template of a sum."""
    return " + ".join(f"{{{part.key}}}" for part in parts)


# ------------------------------------------------------------------- stages that cells have in common


def last_output(meaning: str, span: Span = "tanh") -> Stage:
    """h_{t−1}, which the step starts from."""
    return Stage("h_prev", "hₜ₋₁", "last output", "hₜ₋₁", "", meaning, span=span)


#: What ``last_output`` means where gates see it.
SEEN_BY_GATES = (
    "The cell's output at the character before; zero before the first. Every gate sees it together with the input."
)


def input_and_bias(s: str) -> tuple[Part, Part]:
    """The summands W·xₜ and b of a pre-activation; ``s`` is what tells its weights apart, such as "_f"."""
    return Part("input", f"W{s or '_'}x·xₜ", f"a{s}.input", f"W{s or '_'}x", "x"), Part("bias", f"b{s}", f"a{s}.bias")


def weighted_sum(s: str, name: str, meaning: str, *, peephole: str = "") -> Stage:
    """A pre-activation, W·[hₜ₋₁, xₜ] + b, and the peephole where there is one.

    ``s`` is what tells its weights apart, such as "_f"; ``peephole`` what of the memory it looks at.
    """
    recurrent = Part("recurrent", f"W{s or '_'}h·hₜ₋₁", f"a{s}.recurrent", f"W{s or '_'}h", "h_prev")
    parts = [recurrent, *input_and_bias(s)]
    equation = f"a{s} = W{s}·[hₜ₋₁, xₜ] + b{s}"
    if peephole:
        parts.append(Part("peephole", f"p{s}⊙{peephole}", f"a{s}.peephole"))
        equation += f" + p{s}⊙{peephole}"
    return Stage(f"a{s}", f"a{s}", name, equation, plus(parts), meaning, tuple(parts))


def gate(name: str, title: str, meaning: str) -> Stage:
    """A gate, σ of its pre-activation."""
    return Stage(name, f"{name}ₜ", title, f"{name}ₜ = σ(a_{name})", f"σ({{a_{name}}})", meaning, span="gate")


def through_sigmoid(gate: str, name: str) -> Stage:
    """The gradient of a gate's pre-activation."""
    meaning = "Back through σ, whose slope is at most 1/4, and almost 0 where the gate is nearly 0 or 1."
    equation = f"da_{gate} = d{gate}ₜ⊙{gate}ₜ⊙(1 - {gate}ₜ)"
    return Stage(f"da_{gate}", f"da_{gate}", name, equation, f"{{d{gate}}}·{{{gate}}}·(1 - {{{gate}}})", meaning)


def through_tanh(value: str, s: str, name: str) -> Stage:
    """The gradient of what a tanh was taken of; ``s`` as in ``weighted_sum``."""
    meaning = "Back through tanh, whose slope is 1 at 0 and almost 0 near -1 and 1."
    equation = f"da{s} = d{value}ₜ⊙(1 - {value}ₜ²)"
    return Stage(f"da{s}", f"da{s}", name, equation, f"{{d{value}}}·(1 - {{{value}}}²)", meaning)


def weight_gradients(more: str = "", *, state: str = "[hₜ₋₁, xₜ]") -> Stage:
    """What the step adds to the gradients of the layer's weights; ``state`` is what they multiply."""
    meaning = (
        "Each weight: gradient of its sum times what it multiplied, an outer product. All characters share the "
        "weights, so their contributions add up."
    )
    return Stage("dW", "dW, db", "weights", f"dW += da·{state}ᵀ, db += da", "", meaning + more, axis="weights")


def back_to_h(more: Sequence[Part], suffixes: Sequence[tuple[str, str]]) -> Stage:
    """∂L/∂hₜ₋₁ by ``more`` ways, and through gates, each given with what tells its weights apart."""
    parts = [
        *more,
        *(
            Part(f"through {gate}", f"W{s or '_'}hᵀ·da{s}", f"dh_prev.{gate}", f"W{s or '_'}h.T", f"da{s}")
            for gate, s in suffixes
        ),
    ]
    return Stage(
        "dh_prev",
        "dhₜ₋₁",
        "back to h",
        "dhₜ₋₁ = " + " + ".join(part.symbol for part in parts),
        plus(parts),
        "What goes back to the character before, to join the gradient of its own prediction. Every way through a gate "
        "has passed a slope and a weight matrix.",
        tuple(parts),
    )
