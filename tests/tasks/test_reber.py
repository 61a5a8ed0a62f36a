"""The embedded Reber grammar: its strings, what is legal where, and the best loss."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.tasks import reber


def test_reber_strings_are_of_the_grammar() -> None:
    tail = "(XT*VP)*(XT*VV|S)"
    grammar = re.compile(f"B([TP])B(TS*X{tail}|PT*V(V|P{tail}))E\\1E")
    inputs, lengths, targets = reber.EmbeddedReber().batch(default_rng(0), 300)
    assert lengths is not None
    for lane, length in enumerate(lengths):
        string = "".join(reber.LETTERS[s] for s in [*inputs[:length, lane], targets[length - 1, lane]])
        assert grammar.fullmatch(string), string
        assert (inputs[1:length, lane] == targets[: length - 1, lane]).all()
        assert (targets[length:, lane] == -1).all() and (inputs[length:, lane] == 0).all()


def test_reber_knows_what_is_legal_where() -> None:
    task = reber.EmbeddedReber()
    batch = task.batch(default_rng(1), 200)
    legal = task.legal(batch)
    followers: dict[tuple[str, ...], set[str]] = {}
    for lane in range(200):
        targets = batch.targets[batch.targets[:, lane] >= 0, lane]
        for step, target in enumerate(targets):
            allowed = {reber.LETTERS[letter] for letter in np.flatnonzero(legal[step, lane])}
            before = tuple(reber.LETTERS[s] for s in batch.inputs[: step + 1, lane])
            followers.setdefault(before, set()).add(reber.LETTERS[target])
            assert followers[before] <= allowed
        assert not legal[len(targets) :, lane].any()
        # The last letter but one is known only to who remembers the second one.
        assert targets[-2] == targets[0] and legal[len(targets) - 2, lane].sum() == 1
        assert task.recalled(batch)[:, lane].max() == targets[-2]
    assert (task.recalled(batch) >= 0).sum() == 200
    often = {before for before in followers if len(before) < 5}
    assert all(len(followers[before]) == 2 for before in often if len(before) in (1, 3, 4))


def test_reber_best_loss_is_that_of_the_grammar() -> None:
    task = reber.EmbeddedReber()
    batch = task.batch(default_rng(2), 8_000)
    counted = batch.targets >= 0
    best = task.best_nats()
    nats = np.log(task.legal(batch).sum(axis=2)[counted]).mean()
    assert best["with memory"] == pytest.approx(nats, abs=0.006)
    assert best["without"] - best["with memory"] == pytest.approx(math.log(2) * 8_000 / counted.sum(), rel=0.03)


def test_reber_counts_a_string_only_if_every_step_is_right() -> None:
    task = reber.EmbeddedReber()
    batch = task.batch(default_rng(0), 4)
    logits = task.legal(batch).astype(float)
    assert task.learned(logits, batch) == 1
    logits[np.count_nonzero(batch.targets[:, 0] >= 0) - 2, 0] = 0.5  # all alike at the place that takes memory
    assert task.learned(logits, batch) == 0.75
