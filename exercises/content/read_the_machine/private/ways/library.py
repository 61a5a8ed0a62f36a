"""Another right way: the library where it has it, tables and cumulative sums."""

from pathlib import Path

import numpy as np

from lstm_ext import load_checkpoint

counts_brackets, remembers_letter, knows_quotes = np.int64(5), np.int64(2), np.int64(3)

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
    characters = np.array(list(text))
    depth = np.cumsum((characters == "(").astype(int) - (characters == ")"))
    quote = np.cumsum(characters == '"') % 2
    letter = []
    for line in text.splitlines(keepends=True):
        own = {"a": 1, "b": -1}.get(line[0], 0)
        letter += [own] * len(line.rstrip("\n")) + [0] * line.endswith("\n")
    return dict(depth=depth, letter=np.array(letter), quote=quote)


def correlations(states, signal):
    result = []
    for column in states.T:
        if np.std(column) == 0 or np.std(signal) == 0:
            result.append(0.0)
        else:
            result.append(np.corrcoef(column, signal)[0, 1])
    return np.array(result)


def half_lives(f):
    geometric_mean = np.exp(np.mean(np.log(f), axis=0))
    return -np.log(2) / np.log(geometric_mean)


def effects(costs, units):
    normal = {name: np.mean(values) for name, values in costs(None).items()}
    rows = [costs(unit) for unit in range(units)]
    return {name: [np.mean(row[name]) - normal[name] for row in rows] for name in normal}


def verdict(r_first, r_unseen, effect):
    strongest = max(range(len(r_first)), key=lambda unit: abs(r_first[unit]))
    holds = r_unseen[strongest] ** 2 >= 0.25 and effect[strongest] >= 0.1
    return strongest if holds else None
