"""Another right way: plain loops and lists."""

import math
from pathlib import Path

import numpy as np

from lstm_ext import load_checkpoint

counts_brackets = 5
remembers_letter = 2
knows_quotes = 3

FILE = Path(__file__).with_name("machine.safetensors")
SAMPLE = """b.()((,",..,,."",."".",."."))=b
b.=b
a,()=a
a((,.),.",.,,"",.,.")=a
a".,,,"".,,.."".,,,."(,()())=a
"""


class Machine:
    """A trained LSTM with 8 units. Nothing to write here."""

    def __init__(self, path=FILE):
        checkpoint = load_checkpoint(str(path))
        self.model, self.vocabulary = checkpoint.model(), checkpoint.vocabulary
        self.units = self.model.config.hidden_size

    def read(self, text):
        """Gates and states after each character: "i", "f", "g", "o", "c", "h", each (T, units)."""
        return self.model.trace(self.vocabulary.encode(text))[0]

    def costs(self, text, zeroed=None):
        """What the answers to three questions cost in nats, each time that they come up, as arrays.

        "depth": does the line end, or a bracket close? "letter": which one comes at the end? "quote": a bracket or =,
        or a mark that may stand within quotes? With zeroed, that unit's cell state is held at 0.
        """
        model = self.model.copy()
        if zeroed is not None:
            row = 2 * self.units + zeroed  # the rows of W are the blocks i, f, g, o; without a candidate c stays 0
            model.weights()["layers.0.W"][row] = 0
            model.weights()["layers.0.b"][row] = 0
        p = model.trace(self.vocabulary.encode(text)).probabilities[:-1]
        before, came = np.array(list(text[:-1])), np.array(list(text[1:]))
        inside = ~np.isin(before, list("=ab\n"))

        def cost(one, other, where):
            a, b = (p[:, self.vocabulary.encode(group)].sum(axis=1) for group in (one, other))
            right = np.where(np.isin(came, list(one)), a, b)
            return (np.log(a + b) - np.log(right))[where & np.isin(came, list(one + other))]

        return {
            "depth": cost("=", ")", inside),
            "letter": cost("a", "b", before == "="),
            "quote": cost(".,", "()=", inside),
        }


def make_text(rng, length):
    """Text of the kind that the machine learned. Nothing to write here."""
    lines = []
    while sum(map(len, lines)) < length:
        letter, depth, count = "ab"[rng.integers(2)], 0, rng.integers(1, 15)
        line = letter
        while count > 0 or depth:
            count -= 1
            draw = rng.random()
            if draw < 0.27 and count > 0 and depth < 6:
                line, depth = line + "(", depth + 1
            elif draw < 0.6 and depth:
                line, depth = line + ")", depth - 1
            elif draw < 0.75:
                line += '"' + "".join(rng.choice([".", ","], rng.integers(1, 7))) + '"'
            else:
                line += ".,"[rng.integers(2)]
        lines.append(f"{line}={letter}\n")
    return "".join(lines)[:length]


def signals(text):
    rows = {"depth": [], "letter": [], "quote": []}
    for t in range(1, len(text) + 1):
        read = text[:t]
        line = read.rsplit("\n", 1)[-1]
        rows["depth"].append(read.count("(") - read.count(")"))
        rows["quote"].append(read.count('"') & 1)
        rows["letter"].append(0 if not line else 1 if line[0] == "a" else -1 if line[0] == "b" else 0)
    return rows


def correlations(states, signal):
    T, H = len(states), len(states[0])
    result = []
    mean_y = sum(signal) / T
    for unit in range(H):
        column = [float(states[t][unit]) for t in range(T)]
        mean_x = sum(column) / T
        xy = sum((column[t] - mean_x) * (signal[t] - mean_y) for t in range(T))
        xx = sum((value - mean_x) ** 2 for value in column)
        yy = sum((value - mean_y) ** 2 for value in signal)
        result.append(xy / math.sqrt(xx * yy) if xx > 1e-12 and yy > 1e-12 else 0)
    return result


def half_lives(f):
    return [math.log(0.5) / (sum(math.log(value) for value in column) / len(column)) for column in np.asarray(f).T]


def effects(costs, units):
    table = {}
    for unit in [None, *range(units)]:
        for name, values in costs(unit).items():
            table.setdefault(name, []).append(sum(values) / len(values))
    return {name: np.array(row[1:]) - row[0] for name, row in table.items()}


def verdict(r_first, r_unseen, effect):
    candidate, strength = None, -1
    for unit, r in enumerate(r_first):
        if abs(r) > strength:
            candidate, strength = unit, abs(r)
    if effect[candidate] < 0.1 or -0.5 < r_unseen[candidate] < 0.5:
        return None
    return candidate
