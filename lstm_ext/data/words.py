"""Words as symbols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import ArgumentError, DataError


class WordVocabulary:
    """The words that a model knows. A word's symbol is its index in ``words``; 0 is padding, 1 stands for every
    unknown word."""

    #: In ``words`` at 0 and 1.
    PADDING, UNKNOWN = "", "?"

    def __init__(self, words: Iterable[str]) -> None:
        """``words`` in their order, with or without the two special ones in front.

        Raises ArgumentError if a word occurs twice.
        """
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
        """The words that occur at least ``min_count`` times; if there are more than ``max_words``, the most frequent.

        Sentences are sequences of words. The words are kept in alphabetical order. Raises DataError if none is left,
        and ArgumentError for a text in place of a sequence of words.
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
        """(N,) int32 for N words; 1 for each unknown word. Raises ArgumentError for a text in place of a sequence."""
        if isinstance(sentence, str):
            raise ArgumentError(f"sentence: got the text {sentence[:20]!r}, expected a sequence of words")
        return np.array([self._symbols.get(word, 1) for word in sentence], np.int32)

    def decode(self, symbols: Sequence[int] | np.ndarray) -> list[str]:
        """The words of ``symbols`` (n,), without padding. Raises ArgumentError for a symbol out of range."""
        array = np.asarray(symbols)
        if array.size and array.dtype.kind not in "iu":
            raise ArgumentError(f"symbols: got {array.dtype}, expected integers")
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise ArgumentError(f"symbols: got {array.min()} to {array.max()}, expected 0 to {len(self) - 1}")
        return [self.words[symbol] for symbol in array.tolist() if symbol]
