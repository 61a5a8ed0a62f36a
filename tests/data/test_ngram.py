"""n-gram baselines, against the same formula written with dictionaries."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from lstm_ext.data import ngram
from lstm_ext.data.ngram import ORDERS, ngram_losses


def reference(train: list[int], validation: list[int], num_symbols: int, order: int) -> float:
    """Interpolated Witten-Bell, one symbol after the other."""
    text = train + validation

    def followers(context: tuple[int, ...]) -> Counter[int]:
        n = len(context)
        return Counter(train[i + n] for i in range(len(train) - n) if tuple(train[i : i + n]) == context)

    def probability(context: tuple[int, ...], symbol: int) -> float:
        lower = probability(context[1:], symbol) if context else 1.0 / num_symbols
        seen = followers(context)
        if not seen:
            return lower
        return (seen[symbol] + len(seen) * lower) / (seen.total() + len(seen))

    total = 0.0
    for place in range(len(train) + 1, len(text)):
        total -= math.log(probability(tuple(text[max(0, place - order + 1) : place]), text[place]))
    return total / (len(validation) - 1)


@pytest.mark.parametrize("seed", range(5))
def test_every_order_is_witten_bell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_symbols = 3 + seed
    # A text with some structure; the last symbol of the alphabet occurs in validation only.
    text = np.cumsum(rng.integers(0, 2, 120)) % (num_symbols - 1)
    train, validation = text[:90].astype(np.uint8), text[90:].astype(np.uint8)
    validation[5] = num_symbols - 1
    losses = ngram_losses(train, validation, num_symbols)
    assert list(losses) == list(ORDERS) == ["unigram", "bigram", "trigram", "5-gram"]
    for name, order in ORDERS.items():
        expected = reference(train.tolist(), validation.tolist(), num_symbols, order)
        assert losses[name] == pytest.approx(expected, rel=1e-12), name


def test_tiny_texts() -> None:
    # Worked by hand: P(a) = (1 + 1·½) / (1 + 1), and the context a was never followed by anything.
    losses = ngram_losses(np.array([0]), np.array([0, 0]), 2)
    assert losses == {name: pytest.approx(-math.log(0.75)) for name in ORDERS}


def test_wide_alphabets_do_not_overflow() -> None:
    text = np.random.default_rng(0).integers(0, 70_000, 2_000, dtype=np.int32)
    losses = ngram_losses(text[:1800], text[1800:], 70_000)
    assert all(math.log(1000) < loss < math.log(200_000) for loss in losses.values())


def test_long_training_texts_are_counted_from_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    text = np.random.default_rng(1).integers(0, 5, 400).astype(np.uint8)
    whole = ngram_losses(text[200:300], text[300:], 5)
    monkeypatch.setattr(ngram, "MAX_SYMBOLS", 100)
    assert ngram_losses(text[:300], text[300:], 5) == whole
    assert ngram_losses(text[:200], text[200:], 5) == {}


def test_no_training_text() -> None:
    assert ngram_losses(np.empty(0, np.uint8), np.array([0, 1]), 2) == {}
