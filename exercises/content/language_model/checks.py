"""Day 14, exercise 2: characters, batches, the loss, and a network that remembers all that it was shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_ext import load_text

from ...grading.compare import value_finding
from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "vocabulary(text)",
    "encode(text, chars)",
    "make_batches(symbols, batch_size, seq_length)",
    "cross_entropy(scores, targets)",
    "perplexity(nats)",
    "bits_per_char(nats)",
    "bigram_loss(train, unseen, num_symbols)",
    "learn(network, batches, epochs)",
    "evaluate(network, symbols, seq_length)",
    "sample(network, prime, length, temperature, rng)",
]
V = 7
#: Characters of Shakespeare to learn from, and after them to be tested on
TRAIN, UNSEEN = 60_000, 8_000
CUT = "make_batches(symbols, batch_size, seq_length)"


class Witness:
    """A network that learns nothing. Its scores depend on all that it has read, and its states say what that was."""

    def __init__(self, rng: np.random.Generator, scale: float = 1.5) -> None:
        #: What a state's number stands for: the symbols that were read
        self.histories: list[tuple[int, ...]] = [()]
        #: Of each update: what the state of its first lane had read, and its inputs
        self.updates: list[tuple[tuple[int, ...], npt.NDArray[Any]]] = []
        #: Of each call of ``scores``: what was read by its end
        self.read: list[tuple[int, ...]] = []
        self._table = rng.normal(0.0, scale, (997, V))

    def zero_state(self, batch_size: int) -> npt.NDArray[np.float64]:
        """Nothing read."""
        return np.zeros((1, batch_size, 1))

    def train(self, inputs: Any, targets: Any, state: Any) -> tuple[float, npt.NDArray[np.float64]]:
        """Remember an update."""
        self.updates.append((self.histories[int(np.asarray(state)[0, 0, 0])], np.array(inputs)))
        _, after = self._run(inputs, state)
        return len(self.updates) / 4, after

    def scores(self, inputs: Any, state: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Scores (T, B, V) that depend on all symbols read."""
        found = self._run(inputs, state)
        self.read.append(self.histories[-1])
        return found

    def _run(self, inputs: Any, state: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        inputs, state = np.asarray(inputs), np.array(state, dtype=float)
        if inputs.ndim != 2 or inputs.shape[1] != state.shape[1]:
            raise ValueError(f"inputs: got shape {inputs.shape}, expected (T, {state.shape[1]})")
        scores = np.zeros((*inputs.shape, V))
        for lane in range(inputs.shape[1]):
            history = self.histories[int(state[0, lane, 0])]
            for step, symbol in enumerate(inputs[:, lane]):
                history = (*history, int(symbol))
                scores[step, lane] = self._table[hash(history) % len(self._table)]
            self.histories.append(history)
            state[0, lane, 0] = len(self.histories) - 1
        return scores, state


class Fixed:
    """A network with the same scores at every step."""

    def __init__(self, scores: npt.NDArray[np.float64]) -> None:
        self._scores = scores

    def zero_state(self, batch_size: int) -> npt.NDArray[np.float64]:
        """A state that means nothing."""
        return np.zeros((1, batch_size, 1))

    def scores(self, inputs: Any, state: Any) -> tuple[npt.NDArray[np.float64], Any]:
        """The same (T, B, V) whatever was read."""
        return np.tile(self._scores, (*np.shape(inputs), 1)), state


def _listed(student: Student, value: Any) -> list[Any]:
    """``value`` as a list; it may be a generator, which runs the learner's code here."""
    called = student.last_call
    found: list[Any] = student.call(list, value)
    student.last_call = called
    return found


def characters(student: Student) -> None:
    """Texts in which letters repeat and do not come in their order."""
    for text in ("hello", "to be, or not to be", "Zebra, bazaar"):
        chars = student.call(student.module.vocabulary, text)
        listed = _listed(student, chars)
        student.see(f'the number of characters in the vocabulary of "{text}"', len(listed))
        student.see(f'the vocabulary of "{text}"', "".join(map(str, listed)))
    chars = ["b", "a", "c"]
    student.see('"abba" in the vocabulary ["b", "a", "c"]', student.call(student.module.encode, "abba", chars))


def in_order(got: Recording, wanted: Recording) -> Finding | None:
    """As the values say; and where only the order is wrong, that: the order of a set differs from run to run."""
    finding = value_finding(got, wanted, 0.0)
    if finding is not None and finding.got and sorted(finding.got) == sorted(finding.wanted):
        cause = "The order is that of the text, or that of a set, which differs from run to run."
        finding = replace(finding, code="unsorted", cause=cause, next="Sort the characters.")
    return finding


def _cut(student: Student, symbols: Any, batch_size: int, seq_length: int) -> list[Any]:
    return _listed(student, student.call(student.module.make_batches, symbols, batch_size, seq_length))


def cutting(student: Student) -> None:
    """A text in which no symbol comes twice, so that each can be followed: cut in several ways."""
    for length, lanes, steps in ((24, 1, 5), (27, 3, 4), (61, 4, 7), (40, 2, 50)):
        note = f"{length} symbols, {lanes} lane{'s' * (lanes > 1)}, seq_length {steps}"
        batches = _cut(student, student.rng.permutation(length), lanes, steps)
        student.see(f"the number of batches ({note})", len(batches))
        for index, batch in enumerate(batches[:60]):
            names = [f"{what} of batch {index + 1} ({note})" for what in ("inputs", "targets")]
            student.see_parts(names, batch)
        student.see(f"the text ({note})", 0)


def contiguous(got: Recording, wanted: Recording) -> Finding | None:
    """Every successor is predicted once, and a lane is one text: whichever way the lanes are dealt out."""
    for note in [name.removeprefix("the text (")[:-1] for name in got.values if name.startswith("the text")]:
        right = [value.array for name, value in wanted.values.items() if name.endswith(f"({note})")]
        mine = {name: value for name, value in got.values.items() if name.endswith(f"({note})")}
        parts = [value for name, value in mine.items() if name.startswith(("inputs", "targets"))]
        if finding := _cutting_finding(note, parts, right):
            return finding
    return None


def _cutting_finding(note: str, parts: list[Any], right: list[Any]) -> Finding | None:
    def finding(code: str, message: str, cause: str = "", advice: str = "") -> Finding:
        return Finding(code, f"With {note}: {message}", CUT, cause=cause, next=advice)

    lanes = right[1].shape[1]
    pairs = {
        (int(x), int(y))
        for i, t in zip(right[1:-1:2], right[2:-1:2], strict=True)
        for x, y in zip(i.flat, t.flat, strict=True)
        if y >= 0
    }
    following = dict(pairs)
    seen: Counter[int] = Counter()
    ends: list[int | None] = [None] * lanes
    if not parts:
        return finding("nothing", "there are no batches.")
    for number, (inputs, targets) in enumerate(zip(parts[::2], parts[1::2], strict=True), 1):
        if inputs.array is None or targets.array is None:
            return finding("not-a-batch", f"batch {number} is not a pair of arrays.", "", "(inputs, targets).")
        x, y = inputs.array, targets.array
        if x.shape != y.shape or x.ndim != 2 or x.shape[1] != lanes:
            message = f"batch {number} has inputs {x.shape} and targets {y.shape}; wanted are two of (T, {lanes})."
            return finding("batch-shape", message, "", "Time comes first, one column for each lane.")
        if len(x) > max(len(array) for array in right[1:-1]):
            return finding("too-long", f"batch {number} has {len(x)} steps.", "", "seq_length at most.")
        for lane in range(lanes):
            for symbol, target in zip(x[:, lane], y[:, lane], strict=True):
                if target < 0:
                    continue
                if following.get(int(symbol)) != int(target):
                    message = f"batch {number} has a target that does not follow its input in the text."
                    return finding("targets", message, "A target is the symbol after the input's.")
                if ends[lane] is not None and ends[lane] != int(symbol):
                    message = f"lane {lane} jumps within batch {number}, or between it and the one before."
                    cause = "The state carries on from batch to batch, so the text must, too."
                    return finding("not-contiguous", message, cause, "Look at one column of all batches.")
                ends[lane] = int(target)
                seen[int(symbol)] += 1
    if twice := [symbol for symbol, times in seen.items() if times > 1]:
        message = f"{len(twice)} symbols are predicted more than once."
        return finding("twice", message, "", "Each batch begins where the one before ended.")
    if missing := len(pairs) - len(seen):
        message = f"{missing} of {len(pairs)} successors {'is' if missing == 1 else 'are'} never predicted."
        return finding("missing", message, "Something is lost at an end.", "Every symbol but the first is a target.")
    return None


def _scores(student: Student, scale: float) -> tuple[Any, Any]:
    targets = student.rng.integers(0, V, (5, 3))
    targets[4, 1:] = -1
    return student.normal(5, 3, V, scale=scale), targets


def loss(student: Student) -> None:
    """Usual scores; nothing in padding; a net that is sure and wrong; a whole batch shifted."""
    cross_entropy = student.module.cross_entropy
    scores, targets = _scores(student, 1.0)
    whole = np.where(targets < 0, 0, targets)
    student.see("the loss where all scores are equal, ln 7", student.call(cross_entropy, np.zeros((5, 3, V)), whole))
    student.see("the loss without padding", student.call(cross_entropy, scores, whole))
    student.see("the loss with padding", student.call(cross_entropy, scores, targets))
    sure = 60.0 * np.eye(V)[(whole + 1) % V]
    student.see("the loss of a net that is sure and wrong, 60", student.call(cross_entropy, sure, whole))
    student.see("the loss after 5 was added to all scores", student.call(cross_entropy, scores + 5.0, targets))


def large_scores(student: Student) -> None:
    """Scores of ±1000, some steps far above others."""
    scores, targets = _scores(student, 300.0)
    student.see("the loss at large scores", student.call(student.module.cross_entropy, scores, targets))
    scores[0] += 2000.0
    student.see("the loss where step 0 is 2000 higher", student.call(student.module.cross_entropy, scores, targets))


def units(student: Student) -> None:
    """The same loss in three units."""
    for nats in (float(np.log(8)), float(student.rng.uniform(0.5, 3.0))):
        student.see(f"the perplexity at {nats:.4f} nats", student.call(student.module.perplexity, nats))
        student.see(f"bits per character at {nats:.4f} nats", student.call(student.module.bits_per_char, nats))


def baseline(student: Student) -> None:
    """A pair that comes often, others that never do, and a text with other pairs than the training text."""
    train = student.rng.permutation(np.tile([0, 1, 2, 2, 3], 8))
    unseen = student.rng.integers(0, 6, 30)
    found = student.call(student.module.bigram_loss, train, unseen, 6)
    student.see("the bigram loss", found)
    student.see(
        "the bigram loss after a text of one pair",
        student.call(student.module.bigram_loss, np.array([0, 1, 0, 1, 0, 1]), np.array([0, 1, 0]), 2),
    )


def spied_learning(student: Student) -> None:
    """Two epochs of three batches with two lanes: where each update starts, and what it reads."""
    witness = Witness(student.rng)
    symbols = student.rng.integers(0, V, (14, 2))
    pieces = [slice(0, 5), slice(5, 10), slice(10, 13)]
    batches = [(symbols[p].copy(), symbols[p.start + 1 : p.stop + 1].copy()) for p in pieces]
    losses = student.call(student.module.learn, witness, batches, 2)
    student.see("the number of updates", len(witness.updates))
    steps = [len(inputs) for _, inputs in witness.updates]
    student.see("the list of steps of each update", steps)
    first = [np.asarray(inputs).flat[0] for _, inputs in witness.updates]
    student.see("the list of first symbols of each update", first)
    student.see("the length of what the state has read, before each update", [len(h) for h, _ in witness.updates])
    student.see("the list of losses", losses)


def spied_evaluation(student: Student) -> None:
    """23 characters in pieces of 5: the last one is shorter."""
    witness = Witness(student.rng)
    symbols = student.rng.integers(0, V, 24)
    nats = student.call(student.module.evaluate, witness, symbols, 5)
    student.see("the number of updates made during the evaluation", len(witness.updates))
    longest = max(witness.read, key=len, default=())
    student.see("the length of what was read before the last prediction", len(longest))
    student.see("nats per character", nats)


def spied_sampling(student: Student) -> None:
    """Temperature 0: every symbol follows from all before it."""
    witness = Witness(student.rng)
    prime = np.array([3, 1, 5])
    drawn = student.call(student.module.sample, witness, prime, 9, 0, np.random.default_rng(4))
    count = len(drawn) if isinstance(drawn, list | tuple | np.ndarray) else None
    student.see("the number of symbols drawn", count)
    read = witness.read[-1] if witness.read else ()
    student.see("the list of symbols read before the last one was drawn", list(read[: len(prime) + 8]))
    student.see("the symbols drawn", drawn)


def _which(frequencies: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], temperature: float) -> str:
    """What a histogram of drawn symbols is most like."""

    def softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        p = np.exp(values - values.max())
        return np.asarray(p / p.sum())

    known = {
        "softmax(scores / T)": softmax(scores / temperature),
        "always the likeliest": np.eye(V)[scores.argmax()],
        "softmax(scores · T)": softmax(scores * temperature),
        "softmax(scores)": softmax(scores),
        "all symbols equally often": np.full(V, 1 / V),
    }
    distances = {name: float(np.abs(p - frequencies).sum()) / 2 for name, p in known.items()}
    name = min(distances, key=lambda name: distances[name])
    return name if distances[name] < 0.12 else "none that is known"


def temperatures(student: Student) -> None:
    """Hundreds of symbols from scores that never change; then small temperatures and the seed."""
    sample = student.module.sample
    scores = student.rng.permutation([2.0, 1.2, 0.4, -0.3, -1.0, -1.5, 0.0])
    network, prime = Fixed(scores), np.array([2])
    for temperature in (1.0, 0.6, 2.5):
        drawn = np.asarray(student.call(sample, network, prime, 600, temperature, np.random.default_rng(8)))
        frequencies = np.bincount(drawn.astype(int), minlength=V)[:V] / max(1, len(drawn))
        student.see(f"the distribution of 600 symbols at T = {temperature}", _which(frequencies, scores, temperature))
    large = student.call(sample, Fixed(400.0 * scores), prime, 20, 0.1, np.random.default_rng(8))
    student.see("20 symbols from large scores at T = 0.1", large)
    texts = [np.asarray(student.call(sample, network, prime, 60, 1.0, np.random.default_rng(s))) for s in (1, 1, 2)]
    student.see("whether the same seed gives the same symbols", bool(np.array_equal(texts[0], texts[1])))
    student.see("whether another seed gives other symbols", not np.array_equal(texts[0], texts[2]))


def measured(student: Student) -> None:
    """The learner's functions on Shakespeare: counts, a plain RNN, an LSTM."""
    module = student.module
    shakespeare = load_text("shakespeare")
    text = shakespeare.vocabulary.decode(shakespeare.symbols[: TRAIN + UNSEEN])
    chars = student.call(module.vocabulary, text)
    symbols = student.call(module.encode, text, chars)
    train, unseen = symbols[:TRAIN], symbols[TRAIN:]
    bigram = student.call(module.bigram_loss, train, unseen, len(chars))
    student.see("bigrams", bigram)
    student.reveal("bigram", float(bigram) / np.log(2))
    batches = _cut(student, train, 8, 25)
    for cell in ("rnn", "lstm"):
        network = module.Network(len(chars), cell)
        student.call(module.learn, network, batches, 3)
        nats = student.call(module.evaluate, network, unseen, 50)
        student.see(cell, nats)
        student.reveal(cell, float(nats) / np.log(2))


def beats_the_baseline(got: Recording, _: Recording) -> Finding | None:
    """Both networks know more than pairs of characters do."""
    nats = {name: float(value.array) for name, value in got.values.items() if value.array is not None}
    for cell in ("rnn", "lstm"):
        if not nats[cell] < nats["bigrams"] - 0.2:
            message = (
                f"The {cell} needs {nats[cell]:.3f} nats for an unseen character, counted pairs {nats['bigrams']:.3f}."
            )
            advice = "Is Network as it was in the starter?"
            return Finding("not-learned", message, wanted="about 1.95 nats", next=advice)
    return None


RUNGS = [
    Rung("vocabulary", characters, in_order, draws=1),
    Rung("batches", cutting, contiguous),
    Rung("loss does not change its arguments", loss, "purity", draws=1),
    Rung("loss at large scores", large_scores, "finite"),
    Rung("loss", loss),
    Rung("units", units),
    Rung("baseline", baseline),
    Rung("learning", spied_learning),
    Rung("evaluation", spied_evaluation),
    Rung("sampling", spied_sampling),
    Rung("temperature", temperatures),
    Rung("measured", measured, beats_the_baseline, draws=1, seconds=60.0, reference=False),
]
