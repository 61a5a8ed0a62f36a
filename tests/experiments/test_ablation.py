"""Ablations compare what differs in one thing only."""

from __future__ import annotations

import json

from lstm_ext.experiments.ablation import ABLATIONS, Ablation
from lstm_ext.experiments.runner import plain


def test_ablations_start_from_the_same_weights_and_see_the_same_batches() -> None:
    ablation = Ablation()
    settings = {**ablation.variants(True)["last symbol, full, lr 0.01"], "hidden_size": 8}
    first = {name: ablation.measure({**settings, "ablation": name, "limit": 0, "clamps": []}, 5) for name in ABLATIONS}
    # Untrained, f = 1 and "full" differ only by what f does: never by the weights, which all answer from.
    assert len({json.dumps(plain(numbers)) for numbers in first.values()}) == len(ABLATIONS)
    clamped = ablation.measure({**settings, "limit": 0, "clamps": ["f = 1", "o = 1"]}, 5)
    for name in ("f = 1", "o = 1"):
        assert clamped[f"nats with {name}"] == first[name]["nats"]
