"""The text that the machine learned, the machine itself, and what its units do, measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lstm_ext import LanguageModel, TextTrace, Vocabulary, load_checkpoint

FILE = Path(__file__).with_name("machine.safetensors")
SYMBOLS = '\n"(),.=ab'
#: What the units are asked for
SIGNALS = ("depth", "letter", "quote")
DEEPEST = 6


def make_text(rng: np.random.Generator, length: int) -> str:
    """Lines such as ``a.("..,"),=a``: a letter, brackets and quotes in pairs, = and the letter again."""
    lines: list[str] = []
    while sum(map(len, lines)) < length:
        lines.append(_line(rng))
    return "".join(lines)[:length]


def _line(rng: np.random.Generator) -> str:
    letter = "ab"[rng.integers(2)]
    written, depth, count, wanted = [letter], 0, 0, rng.integers(1, 15)
    while count < wanted or depth:
        count += 1
        draw, late = rng.random(), count >= wanted
        if draw < 0.27 and not late:
            if depth < DEEPEST:
                written.append("(")
                depth += 1
        elif draw < (0.7 if late else 0.55):
            if depth:
                written.append(")")
                depth -= 1
        elif draw < 0.75:
            written.append('"')
            while True:
                written.append(".,"[rng.integers(2)])
                if rng.random() < 0.3:
                    break
            written.append('"')
        else:
            written.append(".,"[rng.integers(2)])
    return f"{''.join(written)}={letter}\n"


def signals(text: str) -> dict[str, np.ndarray]:
    """After each character, (T,): how many brackets are open; 1 in a line of a, −1 of b; 1 within quotes."""
    rows, depth, letter, quote = [], 0, 0, 0
    for character in text:
        depth += (character == "(") - (character == ")")
        quote ^= character == '"'
        if character == "\n":
            letter = 0
        elif not letter:
            letter = {"a": 1, "b": -1}.get(character, 0)
        rows.append((depth, letter, quote))
    return dict(zip(SIGNALS, np.array(rows, float).T, strict=True))


def costs(trace: TextTrace, text: str) -> dict[str, np.ndarray]:
    """What it costs the machine to answer the three questions, in nats, at each place where they come up.

    depth: will the line end, or a bracket close? letter: which letter comes at the end? quote: a bracket or =, or a
    mark that may stand within quotes?
    """
    before, came = np.array(list(text[:-1])), np.array(list(text[1:]))
    inside = ~np.isin(before, list("=ab\n"))
    return {
        "depth": _cost(trace, came, "=", ")", inside),
        "letter": _cost(trace, came, "a", "b", before == "="),
        "quote": _cost(trace, came, ".,", "()=", inside),
    }


def _cost(trace: TextTrace, came: np.ndarray, one: str, other: str, where: np.ndarray) -> np.ndarray:
    p, q = (trace.probabilities[:-1, [SYMBOLS.index(s) for s in group]].sum(axis=1) for group in (one, other))
    right = np.where(np.isin(came, list(one)), p, q)
    counted: np.ndarray = (np.log(p + q) - np.log(right))[where & np.isin(came, list(one + other))]
    return counted


def without(model: LanguageModel, unit: int) -> LanguageModel:
    """A copy in which the unit's candidate is always 0, and so c and h are, too."""
    changed = model.copy()
    weights, row = changed.weights(), 2 * model.config.hidden_size + unit
    weights["layers.0.W"][row] = 0.0
    weights["layers.0.b"][row] = 0.0
    return changed


def correlations(states: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """(H,) of each column of states (T, H) with signal (T,); 0 where one of them is constant."""
    x, y = states - states.mean(axis=0), signal - signal.mean()
    size = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    found: np.ndarray = np.divide(x.T @ y, size, out=np.zeros(len(size)), where=size > 1e-9)
    return found


@dataclass(frozen=True)
class Reading:
    """What each unit does on one text: arrays (H,) by signal."""

    #: The correlation of its cell state
    r: dict[str, np.ndarray]
    #: The rise in mean nats when it is zeroed
    effect: dict[str, np.ndarray]

    def unit(self, signal: str) -> int:
        """The one that carries the signal: it follows it best, and is needed for it."""
        needed = self.effect[signal] > 0.5
        return int(np.argmax(np.abs(self.r[signal]) * needed))


def read(model: LanguageModel, text: str) -> Reading:
    """Look at every unit of the machine on a text."""
    symbols, wanted = Vocabulary(SYMBOLS).encode(text), signals(text)
    trace = model.trace(symbols)
    cells = trace[0]["c"].astype(float)
    normal = costs(trace, text)
    effect: dict[str, list[float]] = {name: [] for name in SIGNALS}
    for unit in range(model.config.hidden_size):
        broken = costs(without(model, unit).trace(symbols), text)
        for name in SIGNALS:
            effect[name].append(float(broken[name].mean() - normal[name].mean()))
    return Reading(
        {name: correlations(cells, signal) for name, signal in wanted.items()},
        {name: np.array(values) for name, values in effect.items()},
    )


@cache
def machine() -> LanguageModel:
    """The machine that comes with the exercise."""
    return load_checkpoint(str(FILE)).model()


@cache
def reading() -> Reading:
    """What its units do on a text that no learner chose them on."""
    return read(machine(), make_text(np.random.default_rng(777), 4000))
