"""Named entities: spans and their scores by hand-made tags, then a network that is only played, then a real one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "is_valid(tags)",
    "spans(tags)",
    "span_scores(true, predicted)",
    "word_accuracy(predicted, targets)",
    "make_vocabulary(sentences)",
    "make_batch(sentences, words)",
    "hide_words(rng, inputs, share)",
    "tag_sentences(network, sentences, words)",
    "baseline(train, test)",
    "learn(make_network, train, test, rng, updates)",
]
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
WORDS = ("rain", "fell", "in", "Kago", "and", "Marno", "met", "Ada", "Bank", "Works", "left", ".")
CASES = (
    "B-PER I-PER O B-LOC",
    "O I-PER",
    "B-LOC I-PER O",
    "I-ORG I-ORG B-ORG",
    "B-PER B-PER I-PER O",
    "O B-ORG I-ORG I-ORG",
    "B-PER I-PER I-LOC I-LOC O",
    "O O",
)
PREDICTIONS = ("all_outside", "baseline", "one_way", "both_ways")


class Sentence(tuple[tuple[str, ...], tuple[str, ...]]):
    """Words and tags, as the lab's corpus gives them."""


class Spy:
    """A network that learns nothing, remembers what it was shown, and answers by a rule that looks both ways."""

    def __init__(self) -> None:
        self.trained: list[tuple[Any, Any, Any]] = []
        self.asked: list[tuple[Any, Any]] = []

    def train(self, inputs: Any, lengths: Any, targets: Any) -> None:
        """Remember a batch."""
        self.trained.append((np.array(inputs), np.array(lengths), np.array(targets)))

    def predict(self, inputs: Any, lengths: Any) -> Any:
        """A tag that depends on the word and on all that follow, up to the length; −1 beyond it."""
        inputs, lengths = np.array(inputs), np.array(lengths)
        self.asked.append((inputs, lengths))
        result = np.full(inputs.shape, -1)
        for n, length in enumerate(lengths):
            rest = np.cumsum(inputs[:length, n][::-1] + 1)[::-1]
            result[:length, n] = (rest + 3 * inputs[:length, n]) % len(TAGS)
        return result


def _tags(student: Student, length: int) -> list[str]:
    """Random tags, valid and invalid, half of them O."""
    return [TAGS[int(student.rng.integers(1, 7))] if student.rng.random() < 0.5 else "O" for _ in range(length)]


def _sentences(student: Student, count: int, low: int = 3, high: int = 9) -> list[Any]:
    """Pairs of words and tags."""
    result = []
    for length in student.rng.integers(low, high, count):
        words = tuple(str(word) for word in student.rng.choice(WORDS, length))
        result.append(Sentence((words, tuple(_tags(student, int(length))))))
    return result


def _spelled(found: object) -> str:
    """Spans as text, whatever holds them."""
    try:
        rows = sorted(([*span] for span in found), key=lambda row: [str(part) for part in reversed(row)])  # type: ignore[attr-defined]
        return ", ".join(f"({', '.join(str(part) for part in row)})" for row in rows) or "none"
    except TypeError:
        return str(found)[:200]


def _type(value: object, wanted: type) -> str:
    """The name of the value's type; that of ``wanted`` for its subclasses."""
    return wanted.__name__ if isinstance(value, wanted) else str(type(value).__name__)


def _line(tags: object) -> str:
    """One sentence's tags as text."""
    return " ".join(map(str, tags)) if isinstance(tags, Iterable) else str(tags)[:200]


def valid(student: Student) -> None:
    """Valid and invalid sequences."""
    for case in (*CASES, " ".join(_tags(student, 5))):
        student.see(f'is_valid("{case}")', student.call(student.module.is_valid, case.split()))


def spans(student: Student) -> None:
    """Spans, at the end and side by side, and in tags that are not valid."""
    for case in (*CASES, *(" ".join(_tags(student, 7)) for _ in range(3))):
        found = student.call(student.module.spans, case.split())
        student.see(f'spans("{case}")', None if found is None else _spelled(found))


def _scores(student: Student, what: str, true: list[str], predicted: list[str]) -> None:
    result = student.call(student.module.span_scores, [t.split() for t in true], [p.split() for p in predicted])
    student.see_parts([f"{name} {what}" for name in ("precision", "recall", "F1")], result)


def scores(student: Student) -> None:
    """Cases that a wrong rule gets wrong, then many sentences."""
    _scores(student, "of the example", ["B-PER I-PER O B-ORG I-ORG O O B-LOC I-LOC"], ["B-PER I-PER O B-ORG O O O O O"])
    _scores(student, "with a wrong type", ["B-PER O B-LOC O"], ["B-ORG O B-LOC O"])
    _scores(student, "in the wrong sentence", ["B-PER O", "O O", "B-LOC O"], ["O O", "B-PER O", "B-LOC O"])
    _scores(student, "with a span that is too long", ["B-PER I-PER O O", "B-ORG"], ["B-PER I-PER I-PER O", "B-ORG"])
    true = [_tags(student, 8) for _ in range(20)]
    said = [[tag if student.rng.random() < 0.7 else _tags(student, 1)[0] for tag in tags] for tags in true]
    _scores(student, "of 20 sentences", list(map(" ".join, true)), list(map(" ".join, said)))
    _scores(student, "where nothing is found", ["B-PER O"], ["O O"])
    _scores(student, "where nothing is to be found", ["O O O"], ["O O B-LOC"])
    _scores(student, "without any entity", ["O O"], ["O O"])


def words_right(student: Student) -> None:
    """Padded arrays; what stands in the padding of the predictions must not matter."""
    lengths = np.array([9, 2, 5, 1])
    targets = student.rng.integers(0, 7, (9, 4))
    predicted = np.where(student.rng.random((9, 4)) < 0.6, targets, (targets + 1) % 7)
    padding = np.arange(9)[:, None] >= lengths
    targets[padding] = -1
    noise = np.where(padding, student.rng.integers(0, 7, (9, 4)), predicted)
    student.see("the share of words right", student.call(student.module.word_accuracy, noise, targets))
    student.see(
        "the share of words right, with −1 in the padding of both",
        student.call(student.module.word_accuracy, np.where(padding, -1, predicted), targets),
    )


def vocabulary(student: Student) -> None:
    """Which words there are, and which numbers they have."""
    sentences = _sentences(student, 12)
    words = student.call(student.module.make_vocabulary, sentences)
    student.see("the type of the vocabulary", _type(words, dict))
    words = words if isinstance(words, dict) else {}
    student.see("the list of its words", " ".join(sorted(map(str, words))))
    student.see("the sorted list of their numbers", sorted(words.values()) if words else None)


def _batch(student: Student) -> tuple[list[Any], dict[str, int], Any]:
    """Sentences with two words that the vocabulary does not have."""
    sentences = _sentences(student, 5)
    used = sorted({word for own, _ in sentences for word in own})
    words = {word: int(number) + 2 for word, number in zip(used, student.rng.permutation(len(used)), strict=True)}
    sentences.append(Sentence((("Zumba", used[0], "kazoo"), ("B-LOC", "O", "O"))))
    return sentences, words, student.call(student.module.make_batch, sentences, words)


def batch(student: Student) -> None:
    """Inputs, lengths and targets; the vocabulary must not grow."""
    _, words, result = _batch(student)
    student.see_parts(["inputs", "lengths", "targets"], result)
    student.see("the number of words in the vocabulary afterwards", len(words))
    for name, array in zip(("inputs", "targets"), (result[0], result[2]), strict=True):
        student.see(f"whether {name} holds integers", np.asarray(array).dtype.kind in "iu")


def hiding(student: Student) -> None:
    """A large padded batch, twice."""
    lengths = student.rng.integers(5, 61, 80)
    inputs = np.where(np.arange(60)[:, None] < lengths, student.rng.integers(2, 50, (60, 80)), 0)
    for name in ("inputs", "inputs of a second call"):
        student.see(f"original {name}", inputs)
        student.see(name, student.call(student.module.hide_words, student.rng, inputs.copy(), 0.2))


def hidden(got: Recording, wanted: Recording) -> Finding | None:
    """Whether each word was hidden by itself, with the probability asked for."""
    original, first, second = (
        got.values[name].array for name in ("original inputs", "inputs", "inputs of a second call")
    )
    called = "hide_words(rng, inputs, share)"

    def wrong(code: str, message: str, cause: str, advice: str) -> Finding:
        return Finding(code, message, called, cause=cause, next=advice)

    if original is None or first is None or second is None or first.shape != original.shape:
        shape = None if first is None else first.shape
        return Finding("shape", f"The result has shape {shape}, wanted is that of inputs, (T, B).", called)
    words = original > 0
    if np.any(first[~words] != 0):
        cause = "Padding is no word: hiding it puts words where a sentence has ended."
        return wrong("padding-hidden", "Padding became something else.", cause, "Leave places with PADDING alone.")
    changed = (first != original) & words
    if np.any(first[changed] != 1):
        value = int(first[changed][first[changed] != 1][0])
        cause = "A hidden word is read as the unknown word, which has a number of its own."
        return wrong("not-unknown", f"A hidden word became {value}, wanted is 1.", cause, "Put UNKNOWN there.")
    share = float(np.mean(changed[words]))
    if share == 0:
        return wrong("share", "No word is hidden; 20 % were asked for.", "", "Is what you return what you changed?")
    if np.array_equal(first, second) and changed.any():
        cause = "The same places are hidden every time."
        return wrong("same-places", "Two calls hide the same words.", cause, "Draw from the rng that you are given.")
    columns = np.mean(changed, axis=0) / np.mean(words, axis=0)
    rows = np.array([np.mean(row[own]) for row, own in zip(changed, words, strict=True) if own.sum() >= 5])
    if np.all((columns < 1e-9) | (columns > 1 - 1e-9)) or np.all((rows < 1e-9) | (rows > 1 - 1e-9)):
        cause = "One draw decides for a whole sentence, or for a whole step."
        return wrong("not-each", "Words are hidden together, not each by itself.", cause, "One random number per word.")
    if abs(share - 0.2) > 0.05:
        cause = "The comparison is the wrong way round." if abs(share - 0.8) < 0.05 else ""
        return wrong(
            "share", f"{share:.0%} of the words are hidden, 20 % were asked for.", cause, "Count: np.mean(hidden)."
        )
    return None


def tagging(student: Student) -> None:
    """A network that looks both ways, asked about sentences together and alone."""
    sentences, words, _ = _batch(student)
    together = student.call(student.module.tag_sentences, Spy(), sentences, words)
    together = list(together) if isinstance(together, tuple) else together
    student.see("the type of the result", _type(together, list))
    together = together if isinstance(together, list) else []
    student.see("the number of sentences", len(together))
    for n, (own, _) in enumerate(sentences):
        student.see(
            f"the list of tags of sentence {n} ({len(own)} words)", _line(together[n]) if n < len(together) else None
        )
    alone = student.call(student.module.tag_sentences, Spy(), sentences[:1], words)
    first = alone[0] if isinstance(alone, list | tuple) and len(alone) else None
    student.see("the list of tags of sentence 0, asked alone", _line(first))


def counted(student: Student) -> None:
    """Counts without ties; the first, the last and the most frequent tag of a word differ."""
    kind = [str(tag) for tag in student.rng.permutation(TAGS[1:])]
    train = [
        Sentence((("Kago", "met", "Ada"), (kind[0], "O", kind[3]))),
        Sentence((("Kago", "and", "Kago"), (kind[1], "O", kind[1]))),
        Sentence((("Kago", ".", "Ada"), (kind[2], "O", kind[4]))),
        Sentence((("Ada",), (kind[4],))),
        Sentence((("Ada", "left"), (kind[5], "O"))),
    ]
    test = [
        Sentence((("Ada", "left", "Kago"), (kind[0], "O", kind[2]))),
        Sentence((("Zumba", "met", "Ada"), (kind[2], kind[2], kind[0]))),
    ]
    found = student.call(student.module.baseline, train, test)
    for n, (own, _) in enumerate(test):
        there = isinstance(found, list | tuple) and n < len(found)
        student.see(f'the list of tags of "{" ".join(own)}"', _line(found[n]) if there else None)


def spied(student: Student) -> None:
    """What learn shows a network, and what it returns."""
    train, test = _sentences(student, 60, 4, 10), _sentences(student, 40, 4, 10)
    for n, (words, tags) in enumerate(train):
        train[n] = Sentence(((f"w{n}", *words[1:]), tags))  # a word by which the sentence is known
    for n, (words, tags) in enumerate(test):
        test[n] = Sentence(((f"new{n}", *words[1:]), tags))
    spy, sizes = Spy(), []

    def make_network(num_words: int) -> Spy:
        sizes.append(int(num_words))
        return spy

    result = student.call(student.module.learn, make_network, train, test, student.rng, 25)
    vocabulary = {word for words, _ in train for word in words}
    student.see("num_words, for which a network was made", sizes[-1] if sizes else None)
    student.see("num_words that is right", len(vocabulary) + 2)
    student.see("num_words with those of the test", len(vocabulary | {w for words, _ in test for w in words}) + 2)
    student.see("the number of updates", len(spy.trained))
    student.see("the sentences of an update", [targets.shape[-1] for _, _, targets in spy.trained])
    student.see("different batches", len({targets.tobytes() for _, _, targets in spy.trained}))
    known = {TAGS.index(tag) for tag in TAGS}
    rows = {tuple(TAGS.index(tag) for tag in tags) for _, tags in train}
    shown = [tuple(int(tag) for tag in column if tag in known) for _, _, t in spy.trained for column in t.T]
    student.see("the share of sentences that are from train", np.mean([row in rows for row in shown]) if shown else 0)
    inside = [inputs[np.arange(len(inputs))[:, None] < lengths] for inputs, lengths, _ in spy.trained]
    student.see("the share of hidden words", np.mean(np.concatenate(inside) == 1) if inside else 0)
    asked = np.concatenate([inputs[np.arange(len(inputs))[:, None] < lengths] for inputs, lengths in spy.asked] or [[]])
    student.see("the words asked about", asked.size)
    student.see("the words of the test", sum(len(words) for words, _ in test))
    student.see("the unknown words asked about", int(np.sum(asked == 1)))
    student.see("the unknown words of the test", sum(word not in vocabulary for words, _ in test for word in words))
    student.see("what learn returned", result)
    said = _said(spy)
    student.see("F1 of what the network said", _f1([list(tags) for _, tags in test], said) if said else -1.0)


def _said(spy: Spy) -> list[list[str]]:
    """The tags that the network gave, in the order in which it was asked."""
    found = []
    for inputs, lengths in spy.asked:
        numbers = Spy().predict(inputs, lengths)
        found += [[TAGS[number] for number in numbers[:length, n]] for n, length in enumerate(lengths)]
    return found


def _f1(true: list[list[str]], predicted: list[list[str]]) -> float:
    from lstm_ext.tasks.bio import span_scores

    return span_scores(true, predicted)["all"].f1 if len(true) == len(predicted) else -1.0


def fair(got: Recording, wanted: Recording) -> Finding | None:
    """The first thing that is wrong about the training or the test."""
    value = {name: v.array for name, v in got.values.items()}
    number = {name: float(np.max(v)) if v is not None and v.size else 0.0 for name, v in value.items()}
    called = "learn(make_network, train, test, rng, updates)"

    def wrong(code: str, message: str, cause: str = "", advice: str = "") -> Finding:
        return Finding(code, message, called, cause=cause, next=advice)

    made, right = number["num_words, for which a network was made"], number["num_words that is right"]
    if made != right:
        message = f"The network was made for {made:.0f} words; the training sentences have {right - 2:.0f}."
        if made == number["num_words with those of the test"]:
            cause = "The vocabulary has the words of the test, too: then none of them is ever unknown."
            return wrong("test-vocabulary", message, cause, "Only train makes the vocabulary.")
        return wrong("num-words", message, "PADDING and UNKNOWN have numbers, too.", "Words + 2.")
    if number["the number of updates"] != 25:
        return wrong("updates", f"There were {number['the number of updates']:.0f} updates; 25 were asked for.")
    sizes = value["the sentences of an update"]
    assert sizes is not None
    if np.any(sizes != 32):
        odd = int(sizes[sizes != 32][0])
        return wrong("batch-size", f"An update has {odd} sentences; wanted are 32.", "", "Axis 1 is the batch.")
    if number["the share of sentences that are from train"] < 0.99:
        share = number["the share of sentences that are from train"]
        message = f"{share:.0%} of the sentences that it was trained on are from train."
        return wrong("trained-on-test", message, "It must not see the test before it is tested.", "Draw from train.")
    if number["different batches"] < 20:
        message = f"25 updates use {number['different batches']:.0f} different batches."
        return wrong("same-batch", message, "The net learns these sentences by heart.", "Draw new ones every time.")
    share = number["the share of hidden words"]
    if not 0.05 < share < 0.16:
        message = f"{share:.0%} of the words of the training are unknown; a tenth was asked for."
        cause = "The vector of the unknown word is only learned if some words are unknown." if share < 0.05 else ""
        return wrong("not-hidden" if share < 0.05 else "hidden-share", message, cause, "hide_words, in every update.")
    if number["the words asked about"] != number["the words of the test"]:
        message = (
            f"The net was asked about {number['the words asked about']:.0f} words; "
            f"the test has {number['the words of the test']:.0f}."
        )
        return wrong("other-test", message, "", "Ask about each sentence of test once.")
    if number["the unknown words asked about"] != number["the unknown words of the test"]:
        message = "What the net was asked about is not the test as it is."
        return wrong("test-changed", message, "Words are hidden in training only.", "Ask about the words as they are.")
    said, result = number["F1 of what the network said"], value["what learn returned"]
    if result is None or result.shape != ():
        return wrong("not-a-number", "learn does not return a number.", "", "The third of the scores.")
    if abs(float(result) - said) > 1e-9:
        return Finding(
            "not-f1", "What learn returns is not the F1 of the test.", called, f"{float(result):.4f}", f"{said:.4f}"
        )
    return None


def measured(student: Student) -> None:
    """Real nets, in one direction and in both, on sentences that they have not seen."""
    module = student.module
    train, test = module.corpus(0)
    true = [list(tags) for _, tags in test]
    _, _, targets = student.call(module.make_batch, test, module.make_vocabulary(train))
    targets = np.asarray(targets)
    values = [
        float(student.call(module.word_accuracy, np.zeros_like(targets), targets)),
        float(student.call(module.span_scores, true, module.baseline(train, test))[2]),
    ]
    for both in (False, True):
        rng = np.random.default_rng(0)
        f1 = student.call(module.learn, lambda size, both=both: module.Network(size, both), train, test, rng, 150)
        values.append(float(f1))
    for name, value in zip(PREDICTIONS, values, strict=True):
        student.reveal(name, value)
        student.see(name, value)


def learned(got: Recording, _: Recording) -> Finding | None:
    """A BiLSTM that is trained as it should be is far above the baseline."""
    found = {name: float(got.values[name].array or 0) for name in PREDICTIONS}
    if found["both_ways"] > 0.7:
        return None
    message = f"A BiLSTM reaches an F1 of {found['both_ways']:.2f}; above 0.9 is usual, the baseline has "
    advice = "Is Network as it was in the starter? Do inputs and targets belong together, place by place?"
    return Finding("not-learned", f"{message}{found['baseline']:.2f}.", next=advice)


RUNGS = [
    Rung("valid tags", valid),
    Rung("spans", spans),
    Rung("scores", scores),
    Rung("words right", words_right),
    Rung("vocabulary", vocabulary),
    Rung("shape of a batch", batch, "shape"),
    Rung("batch", batch),
    Rung("unknown words", hiding, hidden, draws=2),
    Rung("purity", hiding, "purity"),
    Rung("tags of sentences", tagging),
    Rung("baseline", counted),
    Rung("learning", spied, fair, draws=2),
    Rung("measured", measured, learned, draws=1, seconds=60.0, reference=False),
]
