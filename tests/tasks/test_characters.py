"""Patterns and windows of texts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.errors import DataError
from lstm_ext.tasks import characters


def test_patterns() -> None:
    text = characters.pattern_text("abc", 8)
    assert text.vocabulary.decode(text.symbols) == "abcabcab" and text.name == "abc"
    alphabet, (inputs, _, targets) = characters.word_windows("hello")
    assert alphabet == " ehlo"
    assert "".join(alphabet[s] for s in inputs[:, 0]) == "hello"
    assert "".join(alphabet[s] for s in targets[:, 0]) == "ello "
    assert inputs[2, 0] == inputs[3, 0]  # the two l are one symbol


def test_random_windows_reach_the_last_character() -> None:
    symbols = np.arange(20)
    inputs, _, targets = characters.random_windows(symbols, 7, default_rng(0), 500)
    np.testing.assert_array_equal(targets, inputs + 1)
    assert inputs.min() == 0 and targets.max() == 19
    with pytest.raises(DataError, match="has 7 characters, expected more than seq_length, 7"):
        characters.random_windows(np.arange(7), 7, default_rng(0), 1)
