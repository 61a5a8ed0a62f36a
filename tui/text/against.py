"""A learner's file beside the lab, as plain text: the first number that differs, and what follows from it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np
from rich.cells import cell_len

from lstm_ext.explain.walk import Moment

from ..exercises.debugger.comparison import Comparison, Difference
from . import formulas
from .formulas import ascii_formula, format_number
from .step import WIDTH, engine, fold, network, quoted
from .visible import visible

_MOST_LINES, _MOST_OTHERS, _COLUMNS = 6, 3, 6


def render(comparison: Comparison, *, unit: int | None = None, ascii_only: bool = False) -> Iterator[str]:
    """The lines. ``unit`` (from 0) is the one whose numbers are filled into the equation; None: the most wrong one."""
    yield from _Page(comparison, unit, ascii_only).lines()


def label(comparison: Comparison, key: tuple[str, int]) -> str:
    """The symbol of a quantity at a step, such as C₂; weights have none but their names."""
    name, t = key
    if t < 0:
        return name
    symbols = {"dh_out": "W_yᵀ·dyₜ", "dx": "dxₜ", "h": "hₜ", "c": "Cₜ"}
    assert comparison.walk is not None
    symbols |= {moment.stage.id: moment.stage.symbol for moment in comparison.walk.moments}
    if name.startswith(("dW_", "db_", "dp_")):
        return name
    return formulas.at_step(symbols.get(name, name), t)


def verdict(comparison: Comparison) -> str:
    """The result in one line."""
    first = comparison.first
    if first is None:
        if comparison.problem:
            return "no number differs as far as the file came"
        return "no number differs" + ("" if comparison.went_back else " on the way forward")
    count = comparison.count("follows")
    more = f"; {count} later {'numbers follow' if count != 1 else 'number follows'} from it" if count else ""
    return f"{label(comparison, (first.quantity, first.t))} is the first number that differs{more}"


def short_verdict(comparison: Comparison) -> str:
    """The result in a few words."""
    stopped = f", stopped at line {comparison.problem_line}" if comparison.problem_line else ""
    if comparison.first is None:
        return f"no number differs{stopped or ', but it stopped' * bool(comparison.problem)}"
    symbol = label(comparison, (comparison.first.quantity, comparison.first.t))
    return f"{symbol} differs first, {comparison.count('follows')} follow{stopped}"


def cause(comparison: Comparison, difference: Difference) -> str:
    """How the same wrong number comes about, in a sentence; "" if it is not known."""
    if difference.sums:
        if difference.quantity == "loss":
            return "Each character's part is right; what is made of them is not their mean."
        return "What each character adds is right; the sum over the characters is not."
    found = difference.cause
    if found is None:
        return ""
    part = label(comparison, found.part)
    if found.part[0] in ("dh_prev", "dc_prev") and found.part[1] > difference.t:
        part += f" from character {found.part[1]}"
    if found.by == 0:
        return f"The same number comes out if {part} is left out (0 in its place)."
    if found.by == 1:
        return f"The same number comes out if {part} is left out (1 in its place)."
    assert isinstance(found.by, tuple)
    return f"The same number comes out with {label(comparison, found.by)} in place of {part}."


def place(difference: Difference) -> str:
    """The lines of the file."""
    if not difference.line:
        return "line not known"
    end = f"-{difference.end}" if difference.end > difference.line else ""
    return f"line{'s' if end else ''} {difference.line}{end}"


class _Page:
    def __init__(self, comparison: Comparison, unit: int | None, ascii_only: bool) -> None:
        self._comparison, self._unit, self._ascii = comparison, unit, ascii_only

    def lines(self) -> Iterator[str]:
        comparison = self._comparison
        walk = comparison.walk
        assert walk is not None
        yield from self._wrapped(
            f"{quoted(walk.text, self._ascii)}, {visible(comparison.path)} against the lab: class "
            f"{visible(comparison.name)}, {network(walk)}; the lab's numbers by {engine(walk)}."
        )
        yield from self._wrapped(
            "Weights, and the states before the first character, are random and not those that your class starts with."
        )
        for note in comparison.notes:
            yield from self._wrapped(f"Note: {visible(note)}.")
        yield ""
        if comparison.first is None:
            yield from self._right()
        else:
            yield from self._difference(comparison.first, "The first number that differs")
            yield from self._consequences(comparison.first)
            yield from self._others()
        yield from self._unseen()
        if comparison.problem:
            yield ""
            yield from self._wrapped(f"Your file was not followed to the end. {visible(comparison.problem)}")

    def _right(self) -> Iterator[str]:
        comparison = self._comparison
        text = verdict(comparison)
        text = f"{text[0].upper()}{text[1:]}. {comparison.count('same')} arrays were compared"
        if comparison.loss is not None and not comparison.problem:
            text += f", and the loss, {format_number(comparison.loss)}"
        yield from self._wrapped(text + ".")

    def _difference(self, difference: Difference, title: str) -> Iterator[str]:
        """Where it is, the line of code, the equation with numbers, and both values."""
        comparison = self._comparison
        moment = comparison.moment(difference)
        walk, step = moment.walk, moment.step
        read = quoted(walk.vocabulary.symbols[step.symbol], self._ascii)
        wanted = quoted(walk.vocabulary.symbols[step.target], self._ascii)
        rule = "=" if self._ascii else "━"
        yield rule * 2 + f" {title} " + rule * max(0, WIDTH - 4 - cell_len(title))
        yield from self._wrapped(
            f"{difference.phase}, character {difference.t} of {len(walk.steps)} (reads {read}, next should be {wanted})"
        )
        symbol = self._text(label(comparison, (difference.quantity, difference.t)))
        yield from self._wrapped(f"{symbol}, {moment.stage.name}: {place(difference)} of {visible(comparison.path)}")
        for line in textwrap.dedent(difference.code).splitlines():
            yield ("    " + visible(line))[:WIDTH]
        yield ""
        yield from self._equation(moment, difference)
        yield ""
        yield from self._values(moment, difference)
        if text := cause(comparison, difference):
            yield from self._wrapped(self._text(text))
        if difference.unseen:
            names = ", ".join(label(comparison, key) for key in difference.unseen[:6])
            between = (
                f"lines {difference.after} to {difference.line}" if difference.after else f"line {difference.line}"
            )
            yield from self._wrapped(
                f"On the way to it your file has no variable and no expression for {names}: the mistake is in "
                f"{between}."
            )

    def _equation(self, moment: Moment, difference: Difference) -> Iterator[str]:
        if difference.quantity.startswith("dp_"):  # the walk's stage is that of all weights
            gate = difference.quantity[-1]
            memory = label(self._comparison, ("c", difference.t if gate == "o" else difference.t - 1))
            yield from self._wrapped(self._text(f"dp_{gate} += da_{gate}⊙{memory}"), "  ")
            return
        yield from self._wrapped(self._text(formulas.equation(moment)), "  ")
        unit = self._shown(moment, difference)
        filled = self._text(formulas.filled(moment, unit))
        if filled and moment.stage.axis == "unit":
            yield from self._wrapped(f"{filled}   for unit {unit}", "    = ")
        elif filled and moment.stage.axis in ("symbol", "scalar"):
            yield from self._wrapped(f"{filled}   for the target", "    = ")

    def _shown(self, moment: Moment, difference: Difference) -> int:
        if self._unit is not None:
            return self._unit
        return difference.index[0] if moment.stage.axis == "unit" else 0

    def _values(self, moment: Moment, difference: Difference) -> Iterator[str]:
        """Yours and the right one, side by side for each unit or symbol; of a matrix, the row that differs most."""
        yours, right = difference.yours, difference.right
        walk = moment.walk
        symbols = [quoted(symbol, self._ascii) for symbol in walk.vocabulary.symbols]
        H = walk.config.hidden_size
        units = [f"unit {k}" for k in range(H)]
        title = ""
        if right.ndim == 2:
            row = difference.index[0]
            rows = symbols if difference.stage == "dW_y" else units
            title = f"{difference.quantity}, the row of {rows[row]}:"
            heads = units if difference.stage == "dW_y" else [*(f"h{k}" for k in range(H)), *symbols]
            yours, right, index = yours[row], right[row], difference.index[1]
        else:
            index = difference.index[0]
            heads = {len(symbols): symbols, H: units, 1: [""]}[right.size] if right.size != H else units
        first = min(max(0, index - _COLUMNS // 2), max(0, right.size - _COLUMNS))
        shown = range(first, min(right.size, first + _COLUMNS))
        if title:
            yield from self._wrapped(title, "  ")
        if right.size > 1:
            yield "  " + " " * 8 + "".join((f">{heads[k]}" if k == index else heads[k]).rjust(11) for k in shown)
        for name, values in (("yours", yours), ("right", right)):
            yield "  " + name.ljust(8) + "".join(format_number(float(values[k])).rjust(11) for k in shown)

    def _consequences(self, first: Difference) -> Iterator[str]:
        """Which later stages are wrong only because of it, a line for each character."""
        comparison = self._comparison
        walk = comparison.walk
        assert walk is not None
        yield ""
        same, follows = comparison.count("same"), comparison.count("follows")
        if not follows:
            yield from self._wrapped(f"{same} arrays are right. No other number follows from it.")
            return
        yield from self._wrapped(f"{same} arrays are right. {follows} are wrong only because of it:")
        groups: dict[tuple[str, int], list[str]] = {}
        for moment in walk.moments:
            found = comparison.verdict(moment)
            if found is not None and found.state == "follows" and moment.phase != "update":
                groups.setdefault((moment.phase, moment.step.t), []).append(formulas.symbol(moment))
        for phase, t in list(groups)[:_MOST_LINES]:
            names = self._text(", ".join(groups[phase, t]))
            lines = textwrap.wrap(names, WIDTH - 16)
            yield f"  {phase:<9}{t:>3}  {lines[0]}"
            yield from (" " * 16 + line for line in lines[1:])
        if len(groups) > _MOST_LINES:
            yield f"  and at {len(groups) - _MOST_LINES} more characters"

    def _others(self) -> Iterator[str]:
        comparison = self._comparison
        yield ""
        if not comparison.others:
            where = "No second mistake was seen: with this number right, the others that were seen are right."
            yield from self._wrapped(where)
            return
        count = len(comparison.others)
        yield from self._wrapped(
            f"{'Another number does' if count == 1 else f'{count} other numbers do'} not follow from it. Correct the "
            "first one, then run this again."
        )
        for other in comparison.others[:_MOST_OTHERS]:
            symbol = label(comparison, (other.quantity, other.t))
            k = other.index
            yield from self._wrapped(
                f"{symbol}, {other.phase}, character {other.t}, {place(other)}: "
                f"yours {format_number(float(other.yours[k]))}, right {format_number(float(other.right[k]))} with your "
                f"numbers before it. {cause(comparison, other)}",
                "  ",
            )

    def _unseen(self) -> Iterator[str]:
        """What no variable or expression has, if much of the walk is dark."""
        comparison = self._comparison
        assert comparison.walk is not None
        names = []
        for moment in comparison.walk.moments:
            found = comparison.verdict(moment)
            if found is not None and found.state == "unseen" and moment.stage.symbol not in names:
                names.append(moment.stage.symbol)
        if names:
            yield from self._wrapped(
                f"Not visible: no variable or expression of your file has {', '.join(names)} at every character; what "
                "is computed from them was compared."
            )

    def _text(self, text: str) -> str:
        return ascii_formula(text) if self._ascii else text

    def _wrapped(self, text: str, indent: str = "") -> Iterator[str]:
        yield from fold(indent + self._text(text), " " * len(indent))


def as_dict(comparison: Comparison) -> dict[str, object]:
    """The comparison as plain lists and numbers, for JSON."""

    def difference(found: Difference) -> dict[str, object]:
        return {
            "phase": found.phase,
            "t": found.t,
            "stage": found.stage,
            "quantity": found.quantity,
            "line": found.line,
            "end": found.end,
            "function": found.function,
            "code": found.code,
            "yours": _plain(found.yours),
            "right": _plain(found.right),
            "cause": cause(comparison, found),
            "unseen": [list(key) for key in found.unseen],
        }

    return {
        "path": comparison.path,
        "class": comparison.name,
        "cell": comparison.cell,
        "problem": comparison.problem,
        "notes": list(comparison.notes),
        "loss": comparison.loss,
        "first": difference(comparison.first) if comparison.first else None,
        "others": [difference(other) for other in comparison.others],
        "stages": [
            {"phase": m.phase, "t": m.step.t, "stage": m.stage.id, "state": found.state, "line": found.line}
            for m in (comparison.walk.moments if comparison.walk else ())
            if (found := comparison.verdict(m)) is not None
        ],
    }


def _plain(values: np.ndarray) -> list[float]:
    result: list[float] = values.tolist()
    return result
