"""Words as symbols, and sequences side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_ext import nn
from lstm_ext.data import WordVocabulary, pad
from lstm_ext.errors import ArgumentError, DataError

SENTENCES = [["the", "cat", "sat"], ["the", "dog", "?", ""], ["a", "dog", "sat", "the"]]


def test_words_have_symbols() -> None:
    words = WordVocabulary.from_sentences(SENTENCES)
    assert words.words == ["", "?", "a", "cat", "dog", "sat", "the"] and len(words) == 7
    symbols = words.encode(["the", "bird", "sat", "?"])
    assert symbols.dtype == np.int32 and symbols.tolist() == [6, 1, 5, 1]
    assert words.decode([6, 1, 5, 0, 0]) == ["the", "?", "sat"]
    assert "cat" in words and "bird" not in words
    assert words == WordVocabulary(words.words) == WordVocabulary(["a", "cat", "dog", "sat", "the"])
    assert words != WordVocabulary(["a"])
    with pytest.raises(ArgumentError, match="symbols: got 1 to 7, expected 0 to 6"):
        words.decode([1, 7])


def test_rare_words_are_unknown() -> None:
    assert WordVocabulary.from_sentences(SENTENCES, min_count=2).words[2:] == ["dog", "sat", "the"]
    assert WordVocabulary.from_sentences(SENTENCES, min_count=2, max_words=2).words[2:] == ["dog", "the"]
    with pytest.raises(DataError, match="no word comes 4 times or more"):
        WordVocabulary.from_sentences(SENTENCES, min_count=4)
    with pytest.raises(ArgumentError, match="sentences: got the text 'the cat', expected sequences of words"):
        WordVocabulary.from_sentences(["the cat"])
    with pytest.raises(ArgumentError, match="sentence: got the text 'cat'"):
        WordVocabulary(["cat"]).encode("cat")
    with pytest.raises(ArgumentError, match="words: got 'a' more than once"):
        WordVocabulary(["a", "b", "a"])


def test_sequences_side_by_side() -> None:
    inputs, lengths = pad([[5, 6, 7], np.array([8]), []])
    assert inputs.dtype == lengths.dtype == np.int32
    assert inputs.tolist() == [[5, 8, 0], [6, 0, 0], [7, 0, 0]] and lengths.tolist() == [3, 1, 0]
    assert pad([[1], [2, 3]], -1)[0].tolist() == [[1, 2], [-1, 3]]
    numbers, lengths = pad([np.ones((2, 3), np.float32), np.zeros((0, 3)), np.full((1, 3), 2, np.float32)])
    assert numbers.shape == (2, 3, 3) and numbers.dtype == np.float32 and lengths.tolist() == [2, 0, 1]
    assert numbers[:, 0].tolist() == [[1] * 3] * 2 and numbers[:, 2].tolist() == [[2] * 3, [0] * 3]
    assert pad([[0.5], [1.0, 2.0]])[0].dtype == np.float64
    assert pad([[]])[0].shape == (1, 1)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([], "sequences: got none"),
        ([[1], [0.5]], r"sequences: got float64 \(1,\) at place 1"),
        ([np.ones((2, 3)), np.ones((2, 4))], r"got float64 \(2, 4\) at place 1"),
        ([["a"]], "at place 0"),
        ([np.ones((2, 3, 4))], r"got float64 \(2, 3, 4\) at place 0"),
    ],
)
def test_sequences_of_different_kinds(sequences: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        pad(sequences)


def test_a_tagger_from_sentences() -> None:
    """Padding never counts: the loss is the mean over the words that there are."""
    words = WordVocabulary.from_sentences(SENTENCES)
    inputs, lengths = nn.pad([words.encode(sentence) for sentence in SENTENCES])
    targets, _ = nn.pad([[0, 1, 1], [0, 1, 0, 0], [0, 1, 1, 0]], -1)
    model = nn.Tagger(len(words), 4, 2, embedding_size=3).build(dtype="float64")
    alone = [model.loss(inputs[:n, b : b + 1], None, targets[:n, b : b + 1]) for b, n in enumerate(lengths)]
    assert model.loss(inputs, lengths, targets) == pytest.approx(np.dot(alone, lengths) / lengths.sum(), rel=1e-12)
