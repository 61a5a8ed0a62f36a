"""Good or bad: short made-up reviews, by their words alone, and with negation.

The first is the usual classroom corpus, so easy that a rule of one line reaches 100 %. In the second a
bag of words says nothing at all: the order of the words decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from .symbols import balanced

POSITIVE = ("good", "great", "lovely", "clever", "moving", "superb", "charming", "funny", "brilliant", "delightful")
NEGATIVE = ("bad", "awful", "dull", "clumsy", "boring", "dreadful", "silly", "tired", "hopeless", "annoying")
NEUTRAL = ("the", "a", "this", "it", "was", "is", "film", "plot", "acting", "music")
NOT = "not"
#: Symbol 0 is no word: it fills the places after a sentence's end.
WORDS = ("", *POSITIVE, *NEGATIVE, *NEUTRAL, NOT)
_NEGATIVE, _NEUTRAL, _NOT = (WORDS.index(words) for words in (NEGATIVE[0], NEUTRAL[0], NOT))


@checked
def sentences(reviews: Batch) -> list[list[str]]:
    """The words of each review."""
    return [[WORDS[word] for word in column if word > 0] for column in reviews.inputs.T]


@checked
@dataclass(frozen=True)
class PlainReviews:
    """2–3 words of one feeling among 3–6 neutral ones, in any order."""

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs (T, B), places in ``WORDS``; targets (B,), 1 for good: as many good as bad ones, up to one."""
        check_memory("size", size, size * 12)
        labels = balanced(rng, size, 2)
        return _reviews([self._sentence(rng, label) for label in labels], labels)

    def _sentence(self, rng: np.random.Generator, label: int) -> list[int]:
        feeling = _feeling(rng, np.full(rng.integers(2, 4), label))
        neutral = rng.integers(_NEUTRAL, _NOT, rng.integers(3, 7))
        return [int(word) for word in rng.permutation(np.concatenate([feeling, neutral]))]

    def baselines(self) -> dict[str, float]:
        """Accuracy; the rule: good if there is a positive word."""
        return {"chance": 0.5, "bag of words": 1.0}


@checked
@dataclass(frozen=True)
class NegatedReviews:
    """Three words of feeling, of which any may be negated; the majority of what is meant decides.

    A "not" negates the next word of feeling, directly or with neutral words between. Every sentence has
    three of them: those that negate nothing come after the last word of feeling. Which words are negated
    is drawn independently of what is meant, so the words without their order say exactly nothing.
    """

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs (T, B), places in ``WORDS``; targets (B,), 1 for good: as many good as bad ones, up to one."""
        check_memory("size", size, size * 12)
        labels = balanced(rng, size, 2)
        return _reviews([self._sentence(rng, label) for label in labels], labels)

    def _sentence(self, rng: np.random.Generator, label: int) -> list[int]:
        meant = rng.integers(0, 2, 3)
        if int(meant.sum() >= 2) != label:
            meant = 1 - meant
        negated = rng.integers(0, 2, 3)
        sentence: list[int] = []
        for word, turned in zip(_feeling(rng, meant ^ negated), negated, strict=True):
            before = rng.integers(_NEUTRAL, _NOT, rng.integers(1, 4)).tolist()
            if turned:
                before.insert(int(rng.integers(len(before) + 1)), _NOT)
            sentence += [*before, int(word)]
        rest = np.concatenate([rng.integers(_NEUTRAL, _NOT, rng.integers(1, 4)), [_NOT] * int(3 - negated.sum())])
        return sentence + [int(word) for word in rng.permutation(rest)]

    def baselines(self) -> dict[str, float]:
        """Accuracy; the label does not depend on the bag of words."""
        return {"chance": 0.5, "bag of words": 0.5}


def _feeling(rng: np.random.Generator, good: np.ndarray) -> np.ndarray:
    """A positive word for each 1, a negative one for each 0."""
    return np.where(good == 1, 1, _NEGATIVE) + rng.integers(0, len(POSITIVE), len(good))


def _reviews(sentences: list[list[int]], labels: np.ndarray) -> Batch:
    lengths = np.array([len(sentence) for sentence in sentences], np.int32)
    words = np.zeros((lengths.max(), len(sentences)), np.int32)
    for lane, sentence in enumerate(sentences):
        words[: len(sentence), lane] = sentence
    return Batch(words, lengths, labels)
