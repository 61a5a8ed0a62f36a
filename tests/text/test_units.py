"""Rates and clocks in words."""

from __future__ import annotations

import pytest

from lstm_lab.text.units import clock, rate


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (7.25, "7.25"), (999.4, "999"), (999.6, "1k"), (81_249, "81.2k"), (999_600, "1M"), (1_254_000, "1.25M")],
)
def test_rate(value: float, words: str) -> None:
    assert rate(value) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (59.7, "1:00"), (754, "12:34"), (3723, "1:02:03")])
def test_clock(seconds: float, words: str) -> None:
    assert clock(seconds) == words
