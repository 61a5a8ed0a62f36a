"""Read the machine: which unit counts, which one remembers, which one knows that it is within quotes?"""

from pathlib import Path

import numpy as np

from lstm_ext import load_checkpoint

# Your answers: numbers of units from 0 to 7, as `lstm-lab gates` and `lstm-lab step` count them.
counts_brackets = None
remembers_letter = None
knows_quotes = None

# Your guesses. The check measures them with your functions.
guess_half_life = None  # of the unit that remembers the letter, inside lines, in characters; lines have about 16
guess_zeroed = None  # what zeroing that unit adds to the cost of the letter, in nats; guessing costs ln 2 = 0.69

# The machine, and a short text to begin with.
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
    """What stands in the text after each character has been read: a dictionary of arrays (T,).

    "depth": how many brackets are open. "letter": 1 in a line that began with a, −1 in one that began with b, 0 after
    the line's end, up to the next letter. "quote": 1 from an opening quote on, 0 from the closing one on.
    """
    raise NotImplementedError("signals")


def correlations(states, signal):
    """The correlation of each column of states (T, H) with signal (T,): (H,); 0 where either is constant."""
    raise NotImplementedError("correlations")


def half_lives(f):
    """After how many characters half of each unit's state is left, by its forget gate f (T, H) alone: (H,)."""
    raise NotImplementedError("half_lives")


def effects(costs, units):
    """How much the mean cost of each question rises when one unit is zeroed: {question: (units,)}.

    costs(zeroed) returns {question: costs (N,)}; costs(None) is the machine as it is.
    """
    raise NotImplementedError("effects")


def verdict(r_first, r_unseen, effect):
    """The number of the unit that follows a signal, or None if the finding does not hold. All arguments: (H,).

    The candidate is the unit with the strongest correlation on the first text. It holds if its correlation on the
    unseen text is at least 0.5 in size, and if zeroing it costs at least 0.1 nats.
    """
    raise NotImplementedError("verdict")


if __name__ == "__main__":  # `python read_the_machine.py` shows; the check does not run this part
    machine = Machine()
    np.set_printoptions(precision=2, suppress=True)
    text = SAMPLE
    states = machine.read(text)
    for name, signal in signals(text).items():
        print(name, correlations(states["c"], signal))
