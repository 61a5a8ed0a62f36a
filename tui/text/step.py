"""The gate-by-gate walk as plain text: a table of stages for every character, 80 columns wide."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.cells import cell_len, chop_cells, set_cell_size

from lstm_ext.cells import CELLS
from lstm_ext.explain.engines import Both
from lstm_ext.explain.sources import lines
from lstm_ext.explain.update import WeightChange
from lstm_ext.explain.walk import Moment, Step, Walk
from lstm_ext.visualization.drawing import draw_bar

from . import formulas
from .formulas import ascii_formula, format_number

WIDTH = 80
_NAME = 16
_NUMBER = 9
#: Units whose values stand side by side, and symbols listed under a prediction.
_COLUMNS, _SYMBOLS = 3, 8
_EQUATION = WIDTH - _NAME - _COLUMNS * _NUMBER
_BAR = 24


def render(
    walk: Walk,
    *,
    unit: int = 0,
    order: Sequence[int] = (),
    backward: bool = False,
    ascii_only: bool = False,
    weights: str = "untrained",
    losses: Sequence[float] | None = None,
    code: Both | None = None,
) -> Iterator[str]:
    """The lines of the walk: forward, with ``backward`` the way back and the gradient, and with ``losses`` the update.

    ``unit`` (from 0) is the one whose numbers are filled into the equations; ``order`` is that of the columns, by
    default by number; ``weights`` says where
    the network's weights come from; ``losses`` are those before the updates that were made already. With ``code``,
    what both engines computed, the lines of both stand below each stage.
    """
    page = _Page(walk, unit, order or range(walk.config.hidden_size), ascii_only, code)
    yield from page.lines(backward, weights)
    if losses is not None:
        yield from page.update(losses)


def weight_name(walk: Walk, change: WeightChange) -> str:
    """Which weight of a unit it is: the unit or the character that it comes from, or goes to."""
    symbols, (*_, last) = walk.vocabulary.symbols, change.index
    if change.array == "b_y":
        return f"b_y to {symbols[last]!r}"
    if change.array == "W_y":
        return f"W_y to {symbols[change.index[0]]!r}"
    if len(change.index) == 1:
        return change.array
    from_symbol = change.array.endswith("x") and walk.config.num_layers == 1
    return f"{change.array} from {symbols[last]!r}" if from_symbol else f"{change.array} from {last}"


def code_as_dict(walk: Walk, both: Both) -> dict[str, Any]:
    """The lines that compute each stage, and how far the engines are from each other, for JSON."""
    symbols = walk.config.num_layers == 1
    stages = dict.fromkeys(moment.stage.id for moment in walk.moments)
    found = {stage: [asdict(line) for line in lines(walk.layer, stage, symbols=symbols)] for stage in stages}
    return {"code": found, "core_minus_twin": None if both.core is None else both.difference}


def values_file(path: str, walk: Walk) -> str:
    """All numbers of the walk, as the suffix of ``path`` says: JSON, or CSV with a row for each number."""
    if path.lower().endswith(".json"):
        return json.dumps(walk.as_dict()) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["phase", "t", "character", "target", "stage", "index", "value"])
    symbols = walk.vocabulary.symbols
    for moment in walk.moments:
        step = moment.step
        read = ["", ""] if moment.phase == "update" else [symbols[step.symbol], symbols[step.target]]
        for index, value in np.ndenumerate(moment.values):
            place = " ".join(map(str, index))
            writer.writerow([moment.phase, step.t, *read, moment.stage.id, place, float(value)])
    return out.getvalue()


def quoted(symbol: str, ascii_only: bool) -> str:
    """A character as Python writes it, so that spaces and line ends can be seen."""
    return ascii(symbol) if ascii_only else repr(symbol)


def network(walk: Walk) -> str:
    """What is walked through, in a few words: LSTM, 3 units."""
    config = walk.config
    cell = CELLS[config.cell]
    options = cell.describe(config.layers()[-1])
    options += [f"{name} gate held at {value:g}" for name, value in config.force.items()]
    if config.num_layers > 1:
        options.append(f"the last of {config.num_layers} layers")
    units = f"{config.hidden_size} unit{'s' * (config.hidden_size != 1)}"
    return ", ".join([cell.title, units, *options])


def engine(walk: Walk) -> str:
    """What computed the walk."""
    return {"c": "the C core", "numpy": "the NumPy twin"}[walk.backend] + " in float64"


def likeliest(values: np.ndarray, target: int, most: int) -> list[int]:
    """The ``most`` symbols with the largest values, in the order of the vocabulary; the target is always one."""
    if values.size <= most:
        return list(range(values.size))
    best = [int(symbol) for symbol in np.argsort(-values, kind="stable") if symbol != target]
    return sorted([target, *best[: most - 1]])


def fold(line: str, indent: str) -> list[str]:
    """``line`` in pieces of at most 80 columns, broken at spaces; all but the first begin with ``indent``."""
    lines = [""]
    for word in re.findall(r" *[^ ]+", line):
        if lines[-1] and cell_len(lines[-1] + word) > WIDTH:
            lines.append(indent + word.lstrip())
        else:
            lines[-1] += word
        # A text without spaces may be longer than a line.
        lines[-1:] = chop_cells(lines[-1], WIDTH)
    return lines


class _Page:
    def __init__(self, walk: Walk, unit: int, order: Sequence[int], ascii_only: bool, code: Both | None) -> None:
        self.walk, self.unit, self.ascii_only, self.code = walk, unit, ascii_only, code
        self.sorted = list(order) != sorted(order)
        first = min(max(0, order.index(unit) - _COLUMNS // 2), max(0, len(order) - _COLUMNS))
        self.units = order[first : first + _COLUMNS]

    def lines(self, backward: bool, weights: str) -> Iterator[str]:
        walk = self.walk
        yield from self._wrapped(
            f"{quoted(walk.text, self.ascii_only)}, gate by gate: {network(walk)}, {weights}; by {engine(walk)}", ""
        )
        yield from self._wrapped(self._reading_help(), "")
        for step in walk.steps:
            yield from self._section(step, "forward")
        yield ""
        yield from self._wrapped(
            f"loss = mean of {walk.steps[-1].t} characters = {format_number(walk.loss)} nats; guessing evenly would "
            f"cost ln {walk.config.output_size} = {format_number(float(np.log(walk.config.output_size)))}",
            "",
        )
        if backward:
            for step in reversed(walk.steps):
                yield from self._section(step, "backward")
            yield from self._gradient()

    def _reading_help(self) -> str:
        config = self.walk.config
        others = "" if len(self.units) == config.hidden_size else f" of {config.hidden_size}"
        which = ", ".join(map(str, self.units)) if self.sorted else f"{self.units[0]} to {self.units[-1]}"
        shown = f"units {which}{others}" if len(self.units) > 1 else "its value"
        if self.sorted:
            shown += ", in the order of what units add to the score of the next character"
        cell = CELLS[config.cell]
        W = "W" + cell.suffix(cell.forget_block or cell.blocks[0].name)
        part = W if "_" in W else f"{W}_"
        columns = f"{part}h and {part}x are the columns of {W} that meet h and x; " if cell.recurrent else ""
        return self._text(
            f"The equations are filled in for unit {self.unit}; the columns are {shown}. {columns}dX means ∂L/∂X."
        )

    def _section(self, step: Step, phase: str) -> Iterator[str]:
        """One character, forward or backward. What stages mean is told at the first character walked."""
        walk = self.walk
        read, wanted = (quoted(walk.vocabulary.symbols[s], self.ascii_only) for s in (step.symbol, step.target))
        way = "reads" if phase == "forward" else "backward:"
        yield ""
        yield from self._title(f"{step.t} of {walk.steps[-1].t} {way} {read}, next should be {wanted}", self._heads())
        told = step is walk.steps[0 if phase == "forward" else -1]
        for moment in walk.moments:
            if moment.step is step and moment.phase == phase:
                yield from self._stage(moment)
                if told:
                    yield from self._wrapped(self._text(formulas.meaning(moment, self.unit)), "    ")
                    yield from self._lines(moment)

    def _lines(self, moment: Moment) -> Iterator[str]:
        """The lines of both engines, and how far apart their numbers are."""
        if self.code is None:
            return
        symbols = self.walk.config.num_layers == 1
        for line in lines(self.walk.layer, moment.stage.id, symbols=symbols):
            yield from self._wrapped(self._text(f"{line.file}:{line.number}: {line.text}"), "    ")
        index = next(k for k, own in enumerate(self.walk.moments) if own is moment)
        core, twin = self.code.numbers(index, self.unit)
        if core is not None and twin is not None:
            yield from self._wrapped(f"core {core:.17g}, twin {twin:.17g}, core - twin = {core - twin:.1e}", "    ")

    def _heads(self) -> str:
        marks = [f"{'>' if unit == self.unit else ''}unit {unit}" for unit in self.units]
        return "".join(mark.rjust(_NUMBER) for mark in marks)

    def _title(self, title: str, columns: str = "") -> Iterator[str]:
        rule = "=" if self.ascii_only else "━"
        room = WIDTH - cell_len(columns) - (1 if columns else 0)
        title = f"{rule * 2} {title} "
        yield (title + rule * max(0, room - cell_len(title)) + (" " + columns if columns else "")).rstrip()

    def _stage(self, moment: Moment) -> Iterator[str]:
        """Name and equation, then the equation with numbers and, in columns, the values of all units shown."""
        name = set_cell_size(self._text(moment.stage.name), _NAME)
        symbol, right = self._sides(moment)
        filled = self._text(formulas.filled(moment, self.unit))
        values = self._columns(moment)
        indent = " " * (_NAME + cell_len(symbol) + 1)
        lines = [name + (f"{symbol} = {right}" if right else symbol)]
        value = moment.value(self.unit)
        if filled and value is not None:
            short = f"{lines[0]} = {filled}"
            # σ(a_f) = σ(0.8877) fits behind its equation; sums get a line of their own.
            if not moment.stage.parts and cell_len(short) <= _NAME + _EQUATION:
                lines = [short]
            else:
                lines.append(f"{indent}= {filled}")
            if moment.stage.axis != "unit":
                lines[-1] += f" = {format_number(value)}"
        lines = [piece for line in lines for piece in fold(line, indent)]
        if values:
            if cell_len(lines[-1]) > _NAME + _EQUATION:
                lines.append("")
            lines[-1] = set_cell_size(lines[-1], _NAME + _EQUATION) + values
        yield from lines
        yield from self._products(moment, len(indent))
        yield from self._details(moment)

    def _products(self, moment: Moment, indent: int) -> Iterator[str]:
        """The matrix products among the summands, written out where they are short enough."""
        products = [
            (self._text(part.symbol), self._text(part.product))
            for part in formulas.summands(moment, self.unit)
            if "·" in part.product
        ]
        width = max((cell_len(symbol) for symbol, _ in products), default=0)
        lines = [f"{symbol:>{width}} = {product}" for symbol, product in products]
        indent = min([indent, *(WIDTH - cell_len(line) for line in lines)])
        yield from (" " * indent + line for line in lines if indent >= 4)

    def _sides(self, moment: Moment) -> tuple[str, str]:
        symbol, _, right = self._text(formulas.equation(moment)).partition(" = ")
        if moment.stage.id == "x" and self.walk.config.num_layers == 1:
            right = right.replace(
                "character", quoted(self.walk.vocabulary.symbols[moment.step.symbol], self.ascii_only)
            )
        return symbol, right

    def _columns(self, moment: Moment) -> str:
        if moment.stage.axis != "unit" and not (moment.stage.axis == "input" and self.walk.config.num_layers > 1):
            return ""
        return "".join(format_number(float(moment.values[unit])).rjust(_NUMBER) for unit in self.units)

    def _details(self, moment: Moment) -> Iterator[str]:
        """Predictions as bars, gradients of scores and weights as small tables."""
        step, indent = moment.step, " " * _NAME
        if moment.stage.id == "p":
            for symbol in likeliest(step.values["p"], step.target, _SYMBOLS):
                share = float(step.values["p"][symbol])
                mark = "  target" if symbol == step.target else ""
                drawn = draw_bar(share, _BAR, "ascii" if self.ascii_only else "line")
                label = set_cell_size(quoted(self.walk.vocabulary.symbols[symbol], self.ascii_only), 7)
                yield f"{indent}{label}{format_number(share):>8}  {drawn}{mark}".rstrip()
        elif moment.stage.id == "dy":
            shown = likeliest(np.abs(step.values["dy"]), step.target, _SYMBOLS)
            symbols = self.walk.vocabulary.symbols
            pieces = [
                f"{quoted(symbols[k], self.ascii_only)} {format_number(float(step.values['dy'][k]))}" for k in shown
            ]
            yield from fold(indent + "   ".join(pieces), indent)
        elif moment.stage.id == "dW_y":
            dW, db = step.values["dy"][step.target] * step.values["h"], step.values["dy"][step.target]
            target = quoted(self.walk.vocabulary.symbols[step.target], self.ascii_only)
            yield from self._table([(f"to {target}", db, dW)], "db_y", "")
        elif moment.stage.id == "dW":
            rows = self.walk.weight_rows(step, self.unit)
            read = self.walk.vocabulary.symbols[step.symbol] if self.walk.config.num_layers == 1 else ""
            yield from self._table([(row.weights, row.da, row.recurrent) for row in rows], "db", read)

    def _table(self, rows: list[tuple[str, float, np.ndarray | None]], bias: str, symbol: str) -> Iterator[str]:
        """Gradients of single weights: of the bias, and of those from the units shown (and from the character)."""
        heads = [bias, *([f"from {quoted(symbol, self.ascii_only)}"] if symbol else [])]
        last = _NAME + _EQUATION
        units = self.units if any(recurrent is not None for _, _, recurrent in rows) else ()
        titles = set_cell_size(" " * _NAME + " " * 8 + "".join(head.rjust(11) for head in heads), last)
        yield (titles + "".join(f"from {unit}".rjust(_NUMBER) for unit in units)).rstrip()
        for name, da, recurrent in rows:
            line = " " * _NAME + set_cell_size(name, 8) + "".join(format_number(float(da)).rjust(11) for _ in heads)
            numbers = [] if recurrent is None else [format_number(float(recurrent[unit])) for unit in units]
            yield (set_cell_size(line, last) + "".join(number.rjust(_NUMBER) for number in numbers)).rstrip()

    def _gradient(self) -> Iterator[str]:
        walk = self.walk
        yield ""
        yield from self._title("the gradient: all characters together")
        total, norm, scale, *_ = (moment for moment in walk.moments if moment.phase == "update")
        yield from self._wrapped(self._text(formulas.meaning(total, self.unit)), "")
        sizes = [
            f"{name:<8}{format_number(float(size)):>9}"
            for name, size in zip(walk.arrays, walk.update.values["total"], strict=True)
        ]
        for start in range(0, len(sizes), 4):
            yield "   ".join(sizes[start : start + 4])
        for moment in (norm, scale):
            value = moment.value(self.unit)
            assert value is not None
            sides = (formulas.equation(moment), formulas.filled(moment, self.unit), format_number(value))
            yield from fold(" = ".join(map(self._text, sides)), "    ")
            yield from self._wrapped(self._text(formulas.meaning(moment, self.unit)), "    ")

    def update(self, losses: Sequence[float]) -> Iterator[str]:
        """One update: weights, loss and predictions before and after it; and the losses so far."""
        walk, updated = self.walk, self.walk.updated
        *_, step, after = walk.moments
        yield ""
        yield from self._title(f"update {len(losses) + 1}")
        yield from self._wrapped(self._text(f"{step.stage.equation}, η = {updated.learning_rate:g}"), "")
        yield from self._wrapped(self._text(formulas.meaning(step, self.unit)), "    ")
        heads = ("old", self._text("η·scale·dW"), "new")
        yield " " * 20 + "".join(head.rjust(13) for head in heads)
        for change in updated.changes(self.unit):
            name = set_cell_size(self._text(weight_name(walk, change)), 20)
            yield name + "".join(format_number(n).rjust(13) for n in (change.old, change.step, change.new))
        yield ""
        yield f"loss {format_number(updated.loss)} before, {format_number(updated.loss_after)} after"
        yield from self._wrapped(self._text(formulas.meaning(after, self.unit)), "    ")
        odds = []
        for moment, before, now in zip(walk.steps, updated.odds, updated.odds_after, strict=True):
            read, wanted = (
                self._text(quoted(walk.vocabulary.symbols[s], self.ascii_only)) for s in (moment.symbol, moment.target)
            )
            odds.append(f"{wanted} after {read}: {100 * before:.3g} % before, {100 * now:.3g} % after")
        yield from odds
        if losses:
            numbers = "  ".join(format_number(loss) for loss in [*losses, updated.loss, updated.loss_after])
            yield from self._wrapped(f"losses, update by update: {numbers}", "")

    def _text(self, text: str) -> str:
        return ascii_formula(text) if self.ascii_only else text

    def _wrapped(self, text: str, indent: str) -> Iterator[str]:
        yield from fold(indent + text, indent)
