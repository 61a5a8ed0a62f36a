"""Texts to learn from: built-in ones and files, their alphabets, their split and their lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: Texts that need no download: name → what it is.
BUILTIN: Mapping[str, str] = {
    "hello": "the word hello, over and over",
    "abc": "the alphabet, over and over",
    "hamlet": "Hamlet's soliloquy, 1,400 characters",
    "pydoc": "Python's own help topics, 465,000 characters",
}


class DataError(ValueError):
    """A text that cannot be used, and why, in one line."""


@dataclass(frozen=True)
class Vocabulary:
    """The sorted set of a text's characters; a symbol is a character's place in it."""

    symbols: str

    def __len__(self) -> int:
        """V, the number of symbols."""
        raise NotImplementedError

    def encode(self, text: str) -> np.ndarray:
        """(len(text),) int32. Raises ``DataError`` naming the first unknown character and its position."""
        raise NotImplementedError

    def decode(self, symbols: np.ndarray | list[int]) -> str:
        """The text of an array of symbols."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text:
    """``symbols`` (N,) uint8, uint16 or int32, in memory or, for large files, mapped from disk."""

    name: str
    symbols: np.ndarray
    vocabulary: Vocabulary
    encoding: str = "utf-8"

    @classmethod
    def from_string(cls, text: str, name: str = "text", vocabulary: Vocabulary | None = None) -> Text:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


def load_text(name: str, encoding: str = "utf-8", vocabulary: Vocabulary | None = None) -> Text:
    """A built-in text by its name, or a file by its path. Raises ``DataError``.

    ``vocabulary``: a trained model's; without it, the text's own characters.
    """
    raise NotImplementedError


@dataclass(frozen=True)
class Split:
    """A text's first part, to learn from, and its last, to validate on (None: too short to split)."""

    train: np.ndarray
    validation: np.ndarray | None

    def describe(self) -> str:
        """One line: how many characters are learned from, and how many validated on."""
        raise NotImplementedError


def split(text: Text, validation: float = 0.1) -> Split:
    """Contiguous: the last ``validation`` share is never trained on."""
    raise NotImplementedError
