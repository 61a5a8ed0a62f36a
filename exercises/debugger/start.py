"""What a comparison starts from: random weights, and the right numbers in each convention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstm_ext.cells import CELLS

from . import equations
from .equations import Array, Given, Run

KINDS = ("lstm", "gru", "rnn")


def random_start(kind: str, codes: list[int], symbols: int, H: int, seed: int) -> Given:
    """Random weights of a kind of cell, and states before the first character, for H units."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    weights = {}
    for block in CELLS[kind].blocks:  # type: ignore[index]
        weights[f"W_{block.name}"] = rng.uniform(-1, 1, (H, H + symbols))
        weights[f"b_{block.name}"] = rng.uniform(-0.6, 0.6, H)
    if kind == "gru":
        weights["b_nh"] = rng.uniform(-0.6, 0.6, H)
    weights["W_y"], weights["b_y"] = rng.uniform(-1, 1, (symbols, H)), rng.uniform(-0.6, 0.6, symbols)
    if kind == "lstm":
        weights |= {f"p_{gate}": rng.uniform(-0.6, 0.6, H) for gate in "fio"}
    states = np.random.default_rng([seed, 9]).uniform(-0.9, 0.9, (2, H))
    return Given(weights, codes[:-1], codes[1:], states[0], states[1])


def _variants(kind: str) -> list[tuple[bool, bool]]:
    """(reset after the product, z is the share of the old state), the course's first."""
    return [(False, False), (False, True), (True, False), (True, True)] if kind == "gru" else [(False, False)]


def _mirrored(given: Given) -> Given:
    """The same GRU where z is the share of what is new, not of the old state."""
    weights = dict(given.weights)
    weights["W_z"], weights["b_z"] = -weights["W_z"], -weights["b_z"]
    return Given(weights, given.inputs, given.targets, given.h, given.c)


def without_peepholes(given: Given) -> Given:
    """The same LSTM whose gates do not see the memory."""
    weights = {name: array for name, array in given.weights.items() if not name.startswith("p_")}
    return Given(weights, given.inputs, given.targets, given.h, given.c)


def runs(kind: str, given: Given) -> Iterator[tuple[tuple[bool, bool], Run]]:
    """The right numbers in every convention, as (reset after the product, z is the share of the old state)."""
    for reset_after, mirrored in _variants(kind):
        start = _mirrored(given) if mirrored else given
        options = {"reset_after": reset_after, "peephole": "p_f" in given.weights}
        found = (equations.forward(kind, **options), equations.backward(kind, **options))
        yield (reset_after, mirrored), Run(start, found, 1 / len(given.inputs))


def known(kind: str, given: Given) -> dict[str, list[Array]]:
    """The losses, and the h after one step, of right code in each convention."""
    zero = np.zeros_like(given.h)
    starts = [given, Given(given.weights, given.inputs, given.targets, zero, zero)]
    if kind == "gru":
        starts += [Given({**s.weights, "b_nh": zero}, given.inputs, given.targets, s.h, s.c) for s in starts]
    if kind == "lstm":
        starts += [without_peepholes(start) for start in starts]
    found = [run for start in starts for _, run in runs(kind, start)]
    sums = [np.array([loss_of(run)]) for run in found]
    return {"losses": [*sums, *(total / len(given.inputs) for total in sums)], "h": [r.values["h", 1] for r in found]}


def loss_of(run: Run) -> float:
    """The sum over all characters."""
    return float(sum(run.values["loss", t][0] for t in range(1, run.steps + 1)))
