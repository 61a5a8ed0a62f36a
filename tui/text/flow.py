"""How far back a loss reaches, as plain text and as files: sentences, a table, digits below a text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ext.cells import CELLS, CellName
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.flow import Decay, Flow, Start, median_bars
from lstm_ext.visualization.drawing import draw_chart

from .gates import lines

SUFFIXES = (".csv", ".json")
#: The cells that untrained networks are made of, those with the longest memory first.
CELL_NAMES: tuple[CellName, ...] = ("lstm", "gru", "rnn")
STATES = {"h": "∂L/∂h", "c": "∂L/∂C"}
#: The most decades that are drawn.
DECADES = 16
#: Steps back that the table names.
SHOWN = (1, 10, 30)


@dataclass(frozen=True)
class Net:
    """A network, or untrained ones of one kind, on one text; a flow for each of them."""

    #: "network", or the name of the cell.
    name: str
    #: What it is, in a few words.
    what: str
    flows: Sequence[Flow]

    @property
    def mark(self) -> str:
        """Its letter, where colours do not tell curves apart."""
        return self.name[0].upper()

    def state(self, wanted: str) -> str:
        """``wanted``, if it has that state; else h."""
        return wanted if wanted in self.flows[0].norms else "h"

    def bars(self, state: str, layer: int, character: int | None) -> np.ndarray:
        """(T,) medians over its flows."""
        return median_bars(self.flows, self.state(state), layer, character)

    def decay(self, state: str, layer: int) -> Decay | None:
        """Over all its flows; None where no loss has a finite gradient."""
        try:
            return Decay.of(self.flows, self.state(state), layer)
        except ArgumentError:
            return None


def fresh_net(cell: CellName, flows: Sequence[Flow]) -> Net:
    """Untrained networks of a cell."""
    return Net(CELLS[cell].title, f"untrained, {len(flows)} draw{'s' * (len(flows) != 1)}", flows)


def fresh_start(start: Start) -> str:
    """How untrained networks start, in words."""
    scale = "" if start.recurrent_scale == 1 else f", recurrent weights times {start.recurrent_scale:g}"
    return f"{start.init} weights, forget bias {start.forget_bias:g}{scale}"


def symbol(net: Net, state: str) -> str:
    """∂L/∂C or ∂L/∂h: what is shown of it."""
    return STATES[net.state(state)]


def share(number: float) -> str:
    """A share that may be tiny: 0.73, 0.0021, 1.3e-06."""
    if number <= 1e-99:
        return "0"
    return f"{number:.2g}" if 1e-3 <= number < 1000 else f"{number:.1e}"


def half_life(decay: Decay) -> str:
    """In how many characters it halves, on average: 4.3, never."""
    half = decay.half_life
    if math.isinf(half) or math.isnan(half):
        return "never" if math.isinf(half) else "-"
    return f"{half:.1f}" if half < 1000 else f"{half:,.0f}"


def decades(number: float) -> str:
    """Decades with their sign: -4.2, -0.081."""
    return f"{number:+.3f}" if abs(number) < 1 else f"{number:+.1f}"


def sentence(net: Net, state: str, layer: int) -> str:
    """What was measured of it, in words."""
    decay, what = net.decay(state, layer), symbol(net, state)
    if decay is None:
        return f"{net.name}: {what} is not finite."
    if not decay.lags:
        return f"{net.name}: the text is too short."
    last = decay.lags
    left = f"{share(decay.median[-1])} of {what} is left"
    spread = f"half of all measured: {share(decay.low[-1])} to {share(decay.high[-1])}"
    per_step = f"{abs(decay.per_step):.2g} decades per character"
    change = (
        f"it falls {per_step}, to a half every {half_life(decay)} characters"
        if decay.per_step < 0
        else f"it grows {per_step}"
    )
    return f"{net.name}: {last} characters back {left} ({spread}); on average {change}."


def comparison(nets: Sequence[Net], state: str, layer: int) -> str:
    """The most and the least that is left, in a sentence; "" where there is nothing to compare."""
    known = [(net, decay) for net in nets if (decay := net.decay(state, layer)) is not None and decay.lags]
    if len(known) < 2:
        return ""
    known.sort(key=lambda pair: pair[1].decades(pair[1].lags))
    (least, low), (most, high) = known[0], known[-1]
    last = low.lags
    apart = high.decades(last) - low.decades(last)
    return (
        f"{last} characters back, {most.name} has {share(high.median[-1])} of {symbol(most, state)} left and "
        f"{least.name} {share(low.median[-1])}: {apart:.1f} decades apart."
    )


def table(nets: Sequence[Net], state: str, layer: int) -> Iterator[str]:
    """A line for each network below a line with the columns' names."""
    last = max((decay.lags for net in nets if (decay := net.decay(state, layer)) is not None), default=0)
    shown = [lag for lag in (*SHOWN, last) if 0 < lag <= last]
    shown = list(dict.fromkeys(shown))
    yield f"{'':<10}{'':<8}" + "".join(f"{f'{lag} back':>11}" for lag in shown) + f"{'per step':>11}{'half in':>9}"
    for net in nets:
        decay = net.decay(state, layer)
        head = f"{net.name:<10}{symbol(net, state):<8}"
        if decay is None:
            yield head + "not finite"
            continue
        left = "".join(f"{share(decay.median[lag]):>11}" for lag in shown)
        yield head + left + f"{decades(decay.per_step):>11}{half_life(decay):>9}"


def chart(nets: Sequence[Net], state: str, layer: int, width: int, height: int = 14) -> Iterator[str]:
    """What is left by steps back, medians on a logarithmic scale; each network's curve is made of its letter."""
    known = [(net, decay) for net in nets if (decay := net.decay(state, layer)) is not None and decay.lags]
    if not known:
        return
    low, high = reach([decay.median for _, decay in known])
    drawn = draw_chart(
        [(np.arange(decay.lags + 1), decay.median) for _, decay in known],
        width,
        height,
        y_range=(10.0**low, 10.0**high),
        log_y=True,
        whole_x=True,
        glyphs="ascii",
    )
    names = ", ".join(f"{net.mark} {net.name}" for net, _ in known)
    yield f"share left by characters back: {names}"
    for row, curves in zip(drawn.rows, drawn.series.tolist(), strict=True):
        marked = (known[curve][0].mark if curve >= 0 else glyph for glyph, curve in zip(row, curves, strict=True))
        yield "".join(marked).rstrip()


def digits(nets: Sequence[Net], text: str, state: str, layer: int, character: int | None, width: int) -> Iterator[str]:
    """``text`` in lines, and below each of its characters, for each network, how many decades the gradient there is
    below the largest of all."""
    bars = {net.name: net.bars(state, layer, character) for net in nets}
    finite = [values[np.isfinite(values) & (values > 0)] for values in bars.values()]
    largest = max((float(values.max()) for values in finite if values.size), default=1.0)
    margin = max(map(len, bars)) + 1
    yield "below each character a digit for each network: how many decades less than the largest; + is more than 9"
    for start, end in lines(text, max(10, width - margin)):
        shown = "".join(letter if letter.isprintable() else " " for letter in text[start:end])
        yield (" " * margin + shown).rstrip()
        for name, values in bars.items():
            yield (name.ljust(margin) + "".join(_digit(value, largest) for value in values[start:end])).rstrip()


def _digit(value: float, largest: float) -> str:
    if not math.isfinite(value):
        return "?"
    if value <= 0:
        return " "
    below = math.floor(math.log10(largest / value) + 1e-9)
    return str(below) if below <= 9 else "+"


def reach(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """The ends, as powers of ten, of a logarithmic scale for all that is positive: at least one decade, at most
    ``DECADES``."""
    positive = [array[np.isfinite(array) & (array > 0)] for array in values]
    logs = [math.log10(end) for array in positive if array.size for end in (float(array.min()), float(array.max()))]
    if not logs:
        return -1.0, 0.0
    high = math.ceil(max(logs) - 1e-9)
    return float(max(min(math.floor(min(logs) + 1e-9), high - 1), high - DECADES)), float(high)


def as_dict(nets: Sequence[Net], layer: int, character: int | None) -> list[dict[str, object]]:
    """Everything measured, for JSON; NaN and infinity as null."""
    return [
        {
            "name": net.name,
            "what": net.what,
            "cell": net.flows[0].cell,
            "states": {state: _state(net, state, layer, character) for state in net.flows[0].norms},
        }
        for net in nets
    ]


def _state(net: Net, state: str, layer: int, character: int | None) -> Mapping[str, object]:
    decay = net.decay(state, layer)
    found: dict[str, object] = {"norms": _plain(net.bars(state, layer, character))}
    if decay is not None:
        found |= {name: _plain(getattr(decay, name)) for name in ("median", "low", "high")}
        per_step, half = decay.per_step, decay.half_life
        found |= {"decades_per_step": per_step if math.isfinite(per_step) else None}
        found |= {"half_life": half if math.isfinite(half) else None}
    return found


def _plain(array: np.ndarray) -> list[float | None]:
    return [number if math.isfinite(number) else None for number in array.tolist()]


def values_path(path: str) -> str:
    """``path``, if its suffix says how values are written. Raises ArgumentError."""
    if not path.lower().endswith(SUFFIXES):
        raise ArgumentError(f"path: got {path}, expected a name that ends in {' or '.join(SUFFIXES)}")
    return path


def values_file(path: str, text: str, nets: Sequence[Net], layer: int, character: int | None) -> str:
    """Shares by steps back and norms by character, as the suffix of ``path`` says: in CSV a row for each number."""
    if values_path(path).lower().endswith(".json"):
        head = {"text": text, "layer": layer + 1, "character": character}
        return json.dumps({**head, "networks": as_dict(nets, layer, character)}) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["network", "state", "measure", "position", "median", "low", "high"])
    for net in nets:
        for state in net.flows[0].norms:
            for position, value in enumerate(net.bars(state, layer, character).tolist()):
                writer.writerow([net.name, state, "norm after character", position, value, "", ""])
            if (decay := net.decay(state, layer)) is not None:
                for lag, row in enumerate(zip(decay.median, decay.low, decay.high, strict=True)):
                    writer.writerow([net.name, state, "share by steps back", lag, *map(float, row)])
    return out.getvalue()
