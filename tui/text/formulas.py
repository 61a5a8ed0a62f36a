"""A moment of a walk in writing: symbols of its step, equations with numbers in them, sentences; also in ASCII."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from lstm_ext.explain.walk import Moment, Summand

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
    "−": "-",
    "←": "<-",
    "η": "eta",
    "Δ": "delta ",
    "ₜ₋₁": "_{t-1}",
    "ₜ₊₁": "_{t+1}",
    "ₜ": "_t",
}
_DIGITS, _SUBSCRIPTS = "0123456789", "₀₁₂₃₄₅₆₇₈₉"
_LOWER, _RAISE = str.maketrans(_DIGITS, _SUBSCRIPTS), str.maketrans(_SUBSCRIPTS, _DIGITS)


def format_number(value: float) -> str:
    """At most 8 characters, three digits that count or more: 0.7311, -0.00149, 2.2e-04; whole numbers as they are."""
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if size < 0.00095 or size >= 999:
        return f"{value:.1e}"
    decimals = 5 if size < 0.0095 else 4 if size < 100 else 2
    return f"{value:.{decimals}f}"


def ascii_formula(text: str) -> str:
    """The same in ASCII: "fₜ = σ(a_f)" becomes "f_t = sigmoid(a_f)"; what has no likeness becomes an escape."""
    return spelled(text).encode("ascii", "backslashreplace").decode("ascii")


def spelled(text: str) -> str:
    """Signs of formulas as ASCII spells them; everything else as it is."""
    for sign, plain in _SUPERSCRIPTS_AND_SIGNS.items():
        text = text.replace(sign, plain)
    return re.sub(f"[{_SUBSCRIPTS}]+", lambda digits: "_" + digits[0].translate(_RAISE), text)


def at_step(text: str, t: int) -> str:
    """``text`` with the subscripts of character number ``t``: "Cₜ₋₁" becomes "C₁" at t = 2."""
    for subscript, number in (("ₜ₋₁", t - 1), ("ₜ₊₁", t + 1), ("ₜ", t)):
        text = text.replace(subscript, str(number).translate(_LOWER))
    return text


def symbol(moment: Moment) -> str:
    """The stage's symbol with this step's subscripts, such as C₂."""
    return at_step(moment.stage.symbol, moment.step.t)


def equation(moment: Moment) -> str:
    """The equation with this step's subscripts."""
    return at_step(moment.stage.equation, moment.step.t)


def filled(moment: Moment, unit: int) -> str:
    """The right side of the equation with the unit's numbers; "" where there is nothing to compute."""
    return _fill(moment, moment.stage.filled, unit)


def meaning(moment: Moment, unit: int) -> str:
    """What the stage is for, in a sentence or two."""
    return _fill(moment, moment.stage.meaning, unit)


@dataclass(frozen=True)
class SummandLine:
    """One summand written out: its name, its symbol with this step's subscripts, its value, and how it comes
    about where that is a matrix product (else ""), such as "0.21·0.05 - 0.33·0.02"."""

    label: str
    symbol: str
    value: float
    product: str


def summands(moment: Moment, unit: int, *, most: int = 4) -> list[SummandLine]:
    """The summands of the value. Of products, ``most`` terms are written out: with more, the largest and the rest."""
    return [
        SummandLine(
            summand.part.label,
            at_step(summand.part.symbol, moment.step.t),
            summand.value,
            _product(moment, summand, most),
        )
        for summand in moment.summands(unit)
    ]


def _product(moment: Moment, summand: Summand, most: int) -> str:
    if summand.row is None or summand.vector is None:
        return ""
    if summand.part.vector == "x" and moment.walk.config.num_layers == 1:
        character = moment.walk.vocabulary.symbols[moment.step.symbol]
        return f"column {character!r} of {summand.part.matrix}"
    terms = summand.row * summand.vector
    shown, rest = np.arange(terms.size), ""
    if terms.size > most:
        largest = np.argsort(-np.abs(terms), kind="stable")
        shown = np.sort(largest[: most - 1])
        rest = f" + {format_number(float(terms[largest[most - 1 :]].sum()))} from {terms.size - most + 1:,} more"
    pairs = zip(summand.row[shown].tolist(), summand.vector[shown].tolist(), strict=True)
    return _signs(" + ".join(f"{format_number(w)}·{format_number(v)}" for w, v in pairs) + rest)


def _fill(moment: Moment, template: str, unit: int) -> str:
    def put(place: re.Match[str]) -> str:
        key, percent = place.groups()
        if key == "unit":
            return str(unit)
        number = moment.number(key, unit)
        return f"{100 * number:.3g} %" if percent else format_number(number)

    return _signs(re.sub(r"\{([\w.]+)(:%)?\}", put, template))


def _signs(text: str) -> str:
    """Negative numbers as one writes them: a + -b as a - b, a·-b as a·(-b), -b² as (-b)²."""
    text = re.sub(r"(?<=[·-] )(-[\d.e-]+)|(?<=·)(-[\d.e-]+)|(-[\d.e-]+)(?=²)", lambda found: f"({found[0]})", text)
    return text.replace("+ -", "- ")
