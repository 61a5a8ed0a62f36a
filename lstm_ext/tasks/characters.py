"""Texts, character by character, and the patterns that courses begin with."""

from __future__ import annotations

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data import Text
from ..data.batch import Batch
from ..data.ngram import ngram_losses
from ..errors import ArgumentError, DataError


@checked
def pattern_text(pattern: str, length: Size) -> Text:
    """``pattern`` repeated to ``length`` characters: "abc" gives "abcabcab…". Raises DataError if it is empty."""
    if not pattern:
        raise DataError("a pattern needs at least one character")
    check_memory("length", length, 10 * length, itemsize=1)
    return Text.from_string((pattern * (length // len(pattern) + 1))[:length], pattern)


@checked
def random_windows(symbols: np.ndarray, seq_length: Size, rng: np.random.Generator, size: Size) -> Batch:
    """``size`` windows (seq_length, size) of a text (N,) at random places; each symbol's target is the next one.

    Each window starts from a zero state; to carry the state between neighbouring windows, use
    ``lstm_ext.data.Lanes``. Every symbol but the first can be a target, including the last. Raises DataError if
    the text is not longer than a window.
    """
    if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
        raise ArgumentError(f"symbols: got {symbols.dtype} {symbols.shape}, expected integers (N,)")
    check_memory("size", size, size * seq_length)
    if len(symbols) <= seq_length:
        raise DataError(f"the text has {len(symbols)} characters, expected more than seq_length, {seq_length}")
    places = rng.integers(0, len(symbols) - seq_length, size) + np.arange(seq_length)[:, np.newaxis]
    return Batch(symbols[places].astype(np.int32), None, symbols[places + 1].astype(np.int32))


@checked
def word_windows(word: str) -> tuple[str, Batch]:
    """A word, and what follows each of its letters, with a space at the end: "hello" → "ello ".

    Returns the alphabet, each character once, and one sequence of symbols (T, 1) that index it. Raises DataError
    if the word is empty.
    """
    if not word:
        raise DataError("got an empty word, expected at least one character")
    alphabet = "".join(sorted({*word, " "}))
    symbols = np.array([alphabet.index(character) for character in word + " "], np.int32)[:, np.newaxis]
    return alphabet, Batch(symbols[:-1], None, symbols[1:])


@checked
def text_baselines(train: np.ndarray, validation: np.ndarray, num_symbols: Size) -> dict[str, float]:
    """Mean nats per character of guessing evenly, and of n-gram models counted on ``train``; both texts are (N,)."""
    return {"even guess": float(np.log(num_symbols)), **ngram_losses(train, validation, num_symbols)}
