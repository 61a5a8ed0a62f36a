"""Named entities: a made-up corpus of people, places and organisations, and sentences as numbers.

Many names can be any of the three, and what decides stands as often on their right ("… said nothing")
as on their left ("flew to …"). Test sentences also contain names that never occur in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ..arguments import Count, Probability, Range, Seed, check_memory, checked
from ..data.batch import Batch
from . import bio
from .conll import Sentence

#: Words in braces stand for an entity of that type, "~" for a place where an aside may come.
_TEMPLATES = (
    "{PER} ~ said nothing about the matter .",
    "{PER} and {PER} met in {LOC} .",
    "{PER} ~ was born in {LOC} .",
    "{PER} ~ left {ORG} last year .",
    "after the match {PER} thanked the crowd .",
    "a letter from {PER} ~ arrived .",
    "{LOC} ~ lies on a river .",
    "{LOC} ~ is a small town near {LOC} .",
    "the road to {LOC} was closed .",
    "{PER} ~ flew to {LOC} on Monday .",
    "rain fell in {LOC} and {LOC} .",
    "a flight from {LOC} was late .",
    "{ORG} ~ fell short of its plans .",
    "{ORG} ~ opened an office in {LOC} .",
    "{ORG} ~ hired {PER} last year .",
    "shares of {ORG} rose again .",
    "the board of {ORG} met on Monday .",
    "{ORG} and {ORG} will merge .",
    "nothing was said about the matter .",
    "the office was closed on Monday .",
)
#: None of them says anything about the entity before it.
_ASIDES = (
    ", so it seems ,",
    ", as was said on Monday ,",
    ", of which nobody had heard a word since the last year ,",
)
_SYLLABLES = ("ba", "del", "fen", "go", "ka", "lin", "mar", "no", "ros", "sha", "tor", "ved", "wil", "zan")
_FIRST_NAMES = ("Ada", "Bert", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jane")
_ORGANISATIONS = ("Bank", "Works", "Motors", "Press")
_PLACES = ("New", "Port", "Upper")


@checked
@dataclass(frozen=True)
class EntityCorpus:
    """``names`` made-up names; the last ``unseen`` share of them is kept for ``sentences(…, test=True)``.

    ``seed`` chooses the names; sentences are drawn with the caller's generator.
    """

    names: Annotated[int, Range(1, 2000)] = 120
    unseen: Probability = 0.25
    seed: Seed = 0

    def sentences(self, rng: np.random.Generator, count: Count, *, test: bool = False) -> list[Sentence]:
        """``count`` new sentences in valid BIO."""
        check_memory("count", count, 40 * count)
        names = self._names()
        known = len(names) if test else round(len(names) * (1 - self.unseen))
        return [self._sentence(rng, names[:known]) for _ in range(count)]

    def _names(self) -> list[str]:
        rng = np.random.default_rng(self.seed)
        found: dict[str, None] = {}
        while len(found) < self.names:
            syllables = rng.choice(_SYLLABLES, rng.integers(2, 4))
            found["".join(syllables).capitalize()] = None
        return list(found)

    def _sentence(self, rng: np.random.Generator, names: list[str]) -> Sentence:
        words: list[str] = []
        tags: list[str] = []
        for word in _TEMPLATES[int(rng.integers(len(_TEMPLATES)))].split():
            if word.startswith("{"):
                kind = word.strip("{}")
                entity = self._entity(rng, kind, names[int(rng.integers(len(names)))])
                words += entity
                tags += [f"B-{kind}"] + [f"I-{kind}"] * (len(entity) - 1)
            elif word != "~":
                words.append(word)
                tags.append(bio.OUTSIDE)
            elif rng.random() < 0.5:
                aside = _ASIDES[int(rng.integers(len(_ASIDES)))].split()
                words += aside
                tags += [bio.OUTSIDE] * len(aside)
        return Sentence(tuple(words), tuple(tags))

    def _entity(self, rng: np.random.Generator, kind: str, name: str) -> list[str]:
        """Half of them the bare name, which does not tell the type."""
        if rng.random() < 0.5:
            return [name]
        if kind == "PER":
            return [str(rng.choice(_FIRST_NAMES)), name]
        if kind == "LOC":
            return [str(rng.choice(_PLACES)), name]
        return [name, str(rng.choice(_ORGANISATIONS))]


@checked
class Coder:
    """Words and tags as numbers, by what the training sentences have: 0 is no word, 1 any other word."""

    def __init__(self, train: Sequence[Sentence]) -> None:
        #: In alphabetical order; a word's symbol is its place here.
        self.words = ["", "?", *sorted({word for sentence in train for word in sentence.words})]
        #: O first, then in alphabetical order.
        self.tags = [bio.OUTSIDE, *sorted({tag for sentence in train for tag in sentence.tags} - {bio.OUTSIDE})]
        self._word = {word: index for index, word in enumerate(self.words)}
        self._tag = {tag: index for index, tag in enumerate(self.tags)}

    def encode(self, sentences: Sequence[Sentence]) -> Batch:
        """Inputs and targets (T, B); tags that training did not have become O, for no network could predict them."""
        lengths = np.array([len(sentence.words) for sentence in sentences], np.int32)
        words = np.zeros((int(lengths.max()), len(sentences)), np.int32)
        tags = np.full_like(words, -1)
        for lane, (own_words, own_tags) in enumerate(sentences):
            words[: len(own_words), lane] = [self._word.get(word, 1) for word in own_words]
            tags[: len(own_tags), lane] = [self._tag.get(tag, 0) for tag in own_tags]
        return Batch(words, lengths, tags)

    def decode(self, tags: np.ndarray) -> list[list[str]]:
        """(T, B) numbers, −1 after the end, as one list of tags for each sentence."""
        return [[self.tags[tag] for tag in column if tag >= 0] for column in tags.T]


@checked
def most_frequent_tags(train: Sequence[Sentence], test: Sequence[Sentence]) -> list[list[str]]:
    """The classical baseline: each word of ``test`` with the tag that it has most often in ``train``, O if unseen."""
    counts: dict[str, Counter[str]] = {}
    for words, tags in train:
        for word, tag in zip(words, tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    # Ties go to the tag that comes first in the alphabet.
    usual = {word: max(sorted(tags), key=tags.__getitem__) for word, tags in counts.items()}
    return [[usual.get(word, bio.OUTSIDE) for word in sentence.words] for sentence in test]
