"""Bonus 5: words, the split, padding, pooling and its gradient, the baselines, and a network that is known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "number_words(sentences)",
    "split(sentences, labels, test_count, rng)",
    "pad(sentences, ids)",
    "last_state(h, lengths)",
    "last_state_backward(dlast, lengths, steps)",
    "mean_state(h, lengths)",
    "mean_state_backward(dmean, lengths, steps)",
    "accuracy(predictions, labels)",
    "majority(labels)",
    "word_rule(train_sentences, train_labels, sentences)",
    "learn(network, sentences, labels, ids, updates, rng)",
    "predict(network, sentences, ids)",
]
WORDS = ("a", "awful", "bad", "film", "good", "great", "it", "not", "plot", "the")
IDS = {word: n for n, word in enumerate(WORDS, start=2)}
T, H = 6, 3
LENGTHS = np.array([4, 6, 1, 3])
#: Reviews made for the measurement, and how many of them are for the test
REVIEWS, TEST = 3500, 500


class Known:
    """A network that adds up a number for each word that counts, and remembers what it was trained on."""

    def __init__(self, rng: np.random.Generator) -> None:
        #: Of each review of each update: its words, its label
        self.updates: list[list[tuple[tuple[int, ...], int]]] = []
        self._table = rng.normal(size=50)
        self._table[0] = 30.0  # padding that counts decides

    def train(self, words: Any, lengths: Any, labels: Any) -> None:
        """Remember the columns of an update."""
        words, lengths = self._checked(words, lengths)
        reviews = [
            (tuple(map(int, column[:n])), int(label))
            for column, n, label in zip(words.T, lengths, labels, strict=False)
        ]
        self.updates.append(reviews)

    def scores(self, words: Any, lengths: Any) -> npt.NDArray[np.float64]:
        """(B, 2) from the words that count."""
        words, lengths = self._checked(words, lengths)
        sums = np.array([self._table[column[:n]].sum() for column, n in zip(words.T, lengths, strict=True)])
        return np.column_stack([-sums, sums])

    @staticmethod
    def _checked(words: Any, lengths: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        words = np.asarray(words)
        if words.ndim != 2:
            raise ValueError(f"words: got shape {words.shape}, expected (T, B)")
        lengths = np.full(words.shape[1], len(words)) if lengths is None else np.asarray(lengths)
        if lengths.shape != words.shape[1:]:
            raise ValueError(f"lengths: got shape {lengths.shape}, expected ({words.shape[1]},)")
        return words, lengths


def _reviews(student: Student, count: int) -> tuple[list[list[str]], list[int]]:
    """Different reviews, the bad ones first; in good ones "good" and "great" are commoner."""
    found: dict[tuple[str, ...], int] = {}
    while len(found) < count:
        label = int(len(found) >= count // 2)
        p = np.ones(len(WORDS))
        p[[4, 5] if label else [1, 2]] = 4.0
        words = student.rng.choice(WORDS, int(student.rng.integers(2, 7)), p=p / p.sum())
        found.setdefault(tuple(map(str, words)), label)
    return [list(sentence) for sentence in found], list(found.values())


def numbering(student: Student) -> None:
    """Words that repeat."""
    sentences = [["the", "plot", "was", "good"], ["good", "good"], ["a", "dull", "plot"]]
    ids = student.call(student.module.number_words, sentences)
    student.see("how many words there are", len(ids) if isinstance(ids, dict) else ids)
    words = ("a", "dull", "good", "plot", "the", "was")
    given = {f'the number of "{word}"': ids[word] for word in words if isinstance(ids, dict) and word in ids}
    student.see_keys([f'the number of "{word}"' for word in words], given)


def _holds(part: Any) -> str:
    """What one of the four lists holds."""
    if not isinstance(part, list | tuple | np.ndarray) or not len(part):
        return "nothing"
    if all(isinstance(entry, list | tuple | np.ndarray) for entry in part):
        return "sentences"
    return "labels" if all(np.ndim(entry) == 0 and not isinstance(entry, str) for entry in part) else "texts"


def splitting(student: Student) -> None:
    """50 reviews sorted by label, ten of them twice."""
    sentences, labels = _reviews(student, 50)
    sentences, labels = sentences[:10] + sentences, labels[:10] + labels
    split, known = student.module.split, {tuple(s): y for s, y in zip(sentences, labels, strict=True)}
    parts = student.call(split, [list(s) for s in sentences], list(labels), 15, np.random.default_rng(3))
    if not isinstance(parts, tuple | list) or len(parts) != 4:
        student.see_parts(["train_sentences", "train_labels", "test_sentences", "test_labels"], parts)
        return
    train, train_labels, test, test_labels = parts
    kinds = [_holds(part) for part in parts]
    student.see("the list of what comes back", ", ".join(kinds))
    if kinds != ["sentences", "labels"] * 2:
        return
    a, b = [tuple(s) for s in train], [tuple(s) for s in test]
    student.see("the number of reviews on both sides", len(set(a) & set(b)))
    student.see("the number of reviews in the test", len(b))
    student.see("the number of reviews in training", len(a))
    student.see("the number of reviews that are lost", len(set(known) - set(a) - set(b)))
    pairs = [*zip(a, train_labels, strict=False), *zip(b, test_labels, strict=False)]
    student.see("the number of labels", [len(train_labels), len(test_labels)])
    student.see("the number of reviews with another label than before", sum(known.get(s) != y for s, y in pairs))
    student.see("whether the test has reviews of both kinds", len(set(map(int, test_labels))) == 2)
    again = student.call(split, [list(s) for s in sentences], list(labels), 15, np.random.default_rng(4))
    student.see("whether another seed gives another test", {tuple(s) for s in again[2]} != set(b))


def padded(student: Student) -> None:
    """Three sentences of different lengths, one with a word that has no number."""
    sentences = [["good", "plot"], ["the", "unseen", "film", "not", "bad"], ["awful"]]
    student.see_parts(["words", "lengths"], student.call(student.module.pad, sentences, dict(IDS)))


def pooling(student: Student) -> None:
    """What stands in the padding is large, and must not matter."""
    h = student.normal(T, len(LENGTHS), H)
    h[np.arange(T)[:, None] >= LENGTHS] = 50.0
    module = student.module
    student.see("last_state", student.call(module.last_state, h, LENGTHS.copy()))
    student.see("mean_state", student.call(module.mean_state, h, LENGTHS.copy()))
    longer = np.concatenate([h, student.normal(3, len(LENGTHS), H, scale=50.0)])
    student.see("last_state with three more steps of padding", student.call(module.last_state, longer, LENGTHS.copy()))
    student.see("mean_state with three more steps of padding", student.call(module.mean_state, longer, LENGTHS.copy()))


def pooling_gradients(student: Student) -> None:
    """Both gradients; they are zero in padding."""
    dout = student.normal(len(LENGTHS), H)
    module = student.module
    student.see("the gradient of last_state", student.call(module.last_state_backward, dout, LENGTHS.copy(), T))
    student.see("the gradient of mean_state", student.call(module.mean_state_backward, dout, LENGTHS.copy(), T))


def baselines(student: Student) -> None:
    """Accuracy, of lists too; the commoner label; counted words."""
    module = student.module
    predictions, labels = student.rng.integers(0, 2, (2, 40))
    student.see("the accuracy of 40 predictions", student.call(module.accuracy, predictions, labels))
    student.see("the accuracy of two lists", student.call(module.accuracy, [1, 0, 1, 1], [1, 1, 1, 0]))
    for label in (0, 1):
        student.see(
            f"the majority of a list with more {label}", student.call(module.majority, [label, 1 - label, label])
        )
    train, train_labels = [["good", "film"], ["good", "good", "plot"], ["bad", "film"], ["bad"]], [1, 1, 0, 0]
    cases = [["good"], ["bad"], ["film"], ["never", "seen"], ["bad", "good"], ["bad", "bad", "good"], ["plot", "film"]]
    found = student.call(module.word_rule, train, train_labels, cases)
    for n, case in enumerate(cases):
        answer = found[n] if isinstance(found, list | tuple | np.ndarray) and n < len(found) else None
        student.see(f'the rule\'s answer to "{" ".join(case)}"', answer)
    sentences, labels = _reviews(student, 120)
    order = student.rng.permutation(120)
    shuffled, mixed = [sentences[n] for n in order], [labels[n] for n in order]
    clear = [sentence for sentence in shuffled[60:] if abs(_weight(sentence, shuffled[:60], mixed[:60])) > 1e-6]
    found = student.call(module.word_rule, shuffled[:60], mixed[:60], clear)
    student.see("the rule's answers to other reviews", found)


def _weight(sentence: list[str], train: list[list[str]], labels: list[int]) -> float:
    """The sum of a review's weights, to leave out those where rounding decides."""
    good, bad = (Counter(w for s, y in zip(train, labels, strict=True) if y == kind for w in s) for kind in (1, 0))
    return sum(float(np.log((good[word] + 1) / (bad[word] + 1))) for word in sentence)


def spied_learning(student: Student) -> None:
    """40 updates with 30 reviews: which words, lengths and labels the network gets."""
    network = Known(student.rng)
    sentences, labels = _reviews(student, 30)
    numbers = {tuple(IDS[word] for word in s): y for s, y in zip(sentences, labels, strict=True)}
    student.call(student.module.learn, network, sentences, labels, dict(IDS), 40, np.random.default_rng(5))
    shown = [review for update in network.updates for review in update]
    student.see("the number of updates", len(network.updates))
    student.see("the number of reviews of the first update", len(network.updates[0]) if network.updates else 0)
    odd = [words for words, _ in shown if words not in numbers]
    padding = sum(0 in words for words in odd)
    student.see("the number of reviews with padding that counts", padding)
    student.see("the number of reviews that are not those given", len(odd) - padding)
    wrong = sum(numbers[words] != label for words, label in shown if words in numbers)
    student.see("the number of reviews with a wrong label", wrong)
    student.see("the number of different reviews shown", len({words for words, _ in shown if words in numbers}))
    student.see("whether the updates differ", len(set(map(tuple, network.updates))) > 20)


def spied_prediction(student: Student) -> None:
    """The answers to many reviews together, and to each alone."""
    network = Known(student.rng)
    sentences, _ = _reviews(student, 40)
    together = student.call(student.module.predict, network, sentences, dict(IDS))
    student.see("the answers to 40 reviews", together)
    alone = [student.call(student.module.predict, network, [sentence], dict(IDS)) for sentence in sentences[:8]]
    student.see("the answers to 8 reviews, each alone", [int(np.ravel(answer)[0]) for answer in alone])


def measured(student: Student) -> None:
    """The learner's functions on both kinds of reviews."""
    module = student.module
    for kind, updates in (("plain", 200), ("negated", 600)):
        rng = np.random.default_rng(2)
        sentences, labels = module.make_reviews(kind, rng, REVIEWS)
        train, train_labels, test, test_labels = student.call(module.split, sentences, labels, TEST, rng)
        ids = student.call(module.number_words, train)
        rule = student.call(module.word_rule, train, train_labels, test)
        network = module.Network(len(ids) + 2)
        student.call(module.learn, network, train, train_labels, ids, updates, rng)
        for name, predictions in (("rule", rule), ("lstm", student.call(module.predict, network, test, ids))):
            value = student.call(module.accuracy, predictions, test_labels)
            student.see(f"{name} {kind}", value)
            student.reveal(f"{name}_{kind}", value)


def order_matters(got: Recording, _: Recording) -> Finding | None:
    """Counted words are enough for plain reviews and worth nothing with negation; the network learns both."""
    value = {name: float(each.array) for name, each in got.values.items() if each.array is not None}
    if not value["rule plain"] > 0.97:
        message = f"Counted words reach {value['rule plain']:.3f} on plain reviews."
        return Finding("rule", message, wanted="about 1", next="Is make_reviews as it was in the starter?")
    if not 0.35 < value["rule negated"] < 0.65:
        message = f"Counted words reach {value['rule negated']:.3f} on negated reviews, where they say nothing."
        return Finding("rule", message, wanted="about 0.5", next="Are there test reviews in the training part?")
    for kind in ("plain", "negated"):
        if not value[f"lstm {kind}"] > 0.85:
            message = f"The LSTM reaches {value[f'lstm {kind}']:.3f} on unseen {kind} reviews."
            advice = "Are the networks as they were in the starter?"
            return Finding("not-learned", message, wanted="about 1", next=advice)
    return None


RUNGS = [
    Rung("words", numbering, draws=1),
    Rung("split", splitting),
    Rung("padding", padded, draws=1),
    Rung("pooling does not change its arguments", pooling, "purity", draws=1),
    Rung("pooling", pooling),
    Rung("pooling gradients", pooling_gradients),
    Rung("baselines", baselines),
    Rung("learning", spied_learning),
    Rung("prediction", spied_prediction),
    Rung("measured", measured, order_matters, draws=1, seconds=60.0, reference=False),
]
