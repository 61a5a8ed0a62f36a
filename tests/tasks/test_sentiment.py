"""Reviews: their words give the answer, with negation only their order does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.tasks import sentiment


def test_plain_reviews_follow_their_words_and_no_word_is_padding() -> None:
    reviews = sentiment.PlainReviews().batch(default_rng(0), 500)
    assert reviews.lengths is not None
    for words, length, label in zip(sentiment.sentences(reviews), reviews.lengths, reviews.targets, strict=True):
        good = sum(word in sentiment.POSITIVE for word in words)
        bad = sum(word in sentiment.NEGATIVE for word in words)
        assert (good > 0) == bool(label) and (good == 0) == (bad > 0) and 2 <= good + bad <= 3
        assert 3 <= length - good - bad <= 6 and length == len(words)
    places = np.arange(len(reviews.inputs))[:, np.newaxis]
    assert ((reviews.inputs > 0) == (places < reviews.lengths)).all()
    assert reviews.targets.sum() == 250
    assert set(np.unique(reviews.inputs)) == set(range(len(sentiment.WORDS) - 1))  # no "not"


def meaning(words: list[str]) -> int:
    """The label of a negated review, read as its docstring says."""
    turned, votes = False, 0
    for word in words:
        if word == "not":
            turned = True
        elif word in (*sentiment.POSITIVE, *sentiment.NEGATIVE):
            votes += 1 if (word in sentiment.POSITIVE) != turned else -1
            turned = False
    return int(votes > 0)


def test_negated_reviews_mean_what_they_say() -> None:
    reviews = sentiment.NegatedReviews().batch(default_rng(0), 500)
    assert [meaning(words) for words in sentiment.sentences(reviews)] == reviews.targets.tolist()
    assert reviews.targets.sum() == 250


def test_negated_reviews_leave_nothing_to_a_bag_of_words() -> None:
    reviews = sentiment.NegatedReviews().batch(default_rng(0), 12_000)
    good_words = ((reviews.inputs >= 1) & (reviews.inputs <= 10)).sum(axis=0)
    nots = (reviews.inputs == sentiment.WORDS.index("not")).sum(axis=0)
    assert set(np.unique(nots)) == {3}
    for count in range(4):
        assert reviews.targets[good_words == count].mean() == pytest.approx(0.5, abs=0.04)
    for length in np.unique(reviews.lengths):
        chosen = reviews.targets[reviews.lengths == length]
        assert len(chosen) < 500 or chosen.mean() == pytest.approx(0.5, abs=0.07)
