"""Read the machine."""

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
    depth, letter, quote = 0, 0, 0
    found = {"depth": [], "letter": [], "quote": []}
    for character in text:
        if character == "(":
            depth += 1
        if character == ")":
            depth -= 1
        if character == '"':
            quote = 1 - quote
        if character in "ab" and letter == 0:
            letter = 1 if character == "a" else -1
        if character == "\n":
            letter = 0
        found["depth"].append(depth)
        found["letter"].append(letter)
        found["quote"].append(quote)
    return {name: np.array(values) for name, values in found.items()}


def correlations(states, signal):
    x = states - states.mean(axis=0)
    y = signal - signal.mean()
    size = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    return np.where(size > 1e-9, x.T @ y / np.maximum(size, 1e-9), 0.0)


def half_lives(f):
    kept = np.log(f).mean(axis=0)
    return np.log(0.5) / kept


def effects(costs, units):
    normal = costs(None)
    result = {name: np.zeros(units) for name in normal}
    for unit in range(units):
        broken = costs(unit)
        for name in normal:
            result[name][unit] = broken[name].mean() - normal[name].mean()
    return result


def verdict(r_first, r_unseen, effect):
    unit = int(np.argmax(np.abs(r_first)))
    if abs(r_unseen[unit]) < 0.5:
        return None
    if effect[unit] < 0.1:
        return None
    return unit
