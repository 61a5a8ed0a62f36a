"""What a comparison says around the wrong numbers: the walk beside the file, its verdicts, the conventions seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstm_ext.cells import CELLS, CellName
from lstm_ext.data import Vocabulary
from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.walk import Walk, walk
from lstm_ext.nn.language_model import LanguageModel

from .comparison import Verdict
from .equations import Array, Key
from .findings import stage_of
from .reading import Reading


def conventions(reading: Reading, tables: Mapping[str, Any]) -> Iterator[str]:
    """What the file has otherwise than the course, and is right all the same."""
    if tables["single"]:
        yield "your file has float32 arrays: numbers that differ by less than 1 in 10,000 count as the same"
    if reading.x_first:
        yield "the columns of your W are [x, h]; the course has them as [h, x]"
    order = ", ".join({"g": "candidate", "n": "candidate"}.get(gate, gate) for gate in tables["layout"]["order"])
    if order and not any("order of gates" in note for note in tables["notes"]):
        yield f"the order of gates in your stacked W is {order}"
    if reading.mirrored:
        yield "your z is the share of the old state, as in PyTorch; here it is shown as 1 - z"
    if reading.reset_after:
        yield "your reset gate acts after the matrix product, as in cuDNN and PyTorch"
    if "p_f" in reading.run.given.weights:
        yield "your gates see the memory through peepholes, and so do the lab's"
    if tables.get("without"):
        yield f"no array for {', '.join(tables['without'])} was found: taken as 0"


def walked(reading: Reading, cell: CellName, text: str) -> Walk:
    """The lab's walk through the text, from the weights and states that the file was given."""
    H = reading.run.hidden_size
    after = reading.reset_after
    start = reading.run.given
    peephole = "p_f" in start.weights
    vocabulary = Vocabulary("".join(sorted(set(text))))
    V = len(vocabulary)
    config = ModelConfig(V, H, V, cell=cell, reset_after=after, peephole=peephole, dtype="float64")
    model = LanguageModel(config)
    blocks = [block.name for block in CELLS[cell].blocks]
    arrays = model.weights()
    arrays["layers.0.W"][...] = np.vstack([start.weights[f"W_{name}"] for name in blocks])
    biases = [start.weights[f"b_{name}"] for name in blocks] + ([start.weights["b_nh"]] if after else [])
    arrays["layers.0.b"][...] = np.concatenate(biases)
    if peephole:
        arrays["layers.0.peephole"][...] = np.stack([start.weights[f"p_{name}"] for name in CELLS[cell].peepholes])
    arrays["output.W"][...], arrays["output.b"][...] = start.weights["W_y"], start.weights["b_y"]
    state = model.zero_state()
    state[0, :, 0] = np.stack([start.h, start.c])[: state.shape[1]]
    return walk(model, text, vocabulary, state=state)


def verdicts(reading: Reading, reference: dict[Key, Array]) -> dict[tuple[str, int], Verdict]:
    """By stages of the walk: a stage of weights is as its worst array."""
    rank = ("unseen", "same", "follows", "differs")
    found: dict[tuple[str, int], Verdict] = {}
    for key, state in reading.states.items():
        right, now = reference[key], reading.run.values[key]
        if state == "same" and not reading.trace.same(now, right):
            state = "follows"
        event = reading.events.get(key)
        stage = (stage_of(key[0]), key[1])
        verdict = Verdict(state, right, None if state == "unseen" else now, event.line if event else 0)
        if key[0] in ("dh_out", "dx"):
            continue
        old = found.get(stage)
        if old is None or rank.index(verdict.state) > rank.index(old.state):
            found[stage] = verdict
    return found
