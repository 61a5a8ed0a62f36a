"""Words as symbols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import ArgumentError, DataError


class WordVocabulary:
    """The words that a model knows. A word's symbol is its place in ``words``, where 0 is padding, which is no word,
    and 1 is every word that is not there."""

    #: In ``words`` at 0 and 1.
    PADDING, UNKNOWN = "", "?"

    def __init__(self, words: Iterable[str]) -> None:
        """``words`` in their order, with or without the two special ones at the front; each must come once."""
        #: Words by symbol.
        self.words = list(words)
        special = [self.PADDING, self.UNKNOWN]
        if self.words[:2] != special:
            self.words = special + self.words
        self._symbols = {word: symbol for symbol, word in enumerate(self.words)}
        if len(self._symbols) < len(self.words):
            twice = next(word for symbol, word in enumerate(self.words) if self._symbols[word] != symbol)
            raise ArgumentError(f"words: got {twice!r} more than once, expected each word once")

    @classmethod
    def from_sentences(
        cls, sentences: Iterable[Sequence[str]], *, min_count: int = 1, max_words: int | None = None
    ) -> WordVocabulary:
        """The words that come at least ``min_count`` times; of more than ``max_words``, those that come most often.

        Sentences are sequences of words (a text by itself would be one of characters). Words are in alphabetical
        order. Raises ``DataError`` if none is left.
        """
        counts: Counter[str] = Counter()
        for sentence in sentences:
            if isinstance(sentence, str):
                raise ArgumentError(f"sentences: got the text {sentence[:20]!r}, expected sequences of words")
            counts.update(sentence)
        for special in (cls.PADDING, cls.UNKNOWN):
            counts.pop(special, None)
        often = sorted((word for word, count in counts.items() if count >= min_count), key=lambda w: (-counts[w], w))
        if not often:
            raise DataError(f"no word comes {min_count} times or more in these sentences")
        return cls(sorted(often[:max_words]))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._symbols

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordVocabulary) and other.words == self.words

    def __hash__(self) -> int:
        return hash(tuple(self.words))

    def __repr__(self) -> str:
        return f"<WordVocabulary: {len(self):,} symbols>"

    def encode(self, sentence: Sequence[str]) -> np.ndarray:
        """(len(sentence),) int32; 1 for each word that is not known."""
        if isinstance(sentence, str):
            raise ArgumentError(f"sentence: got the text {sentence[:20]!r}, expected a sequence of words")
        return np.array([self._symbols.get(word, 1) for word in sentence], np.int32)

    def decode(self, symbols: Sequence[int] | np.ndarray) -> list[str]:
        """The words that ``symbols`` (n,) stand for; padding is left out."""
        array = np.asarray(symbols, np.int64)
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise ArgumentError(f"symbols: got {array.min()} to {array.max()}, expected 0 to {len(self) - 1}")
        return [self.words[symbol] for symbol in array if symbol]
