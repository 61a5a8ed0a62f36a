"""A walk by both engines: each number beside the other engine's, the gradients of single steps too."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.data import Vocabulary
from lstm_ext.engine import backend
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.explain import engines
from lstm_ext.explain.engines import both
from lstm_ext.explain.walk import Walk, spelling_model, walk
from lstm_ext.nn.language_model import LanguageModel

TEXT = "sea shells"
VOCABULARY = Vocabulary("".join(sorted(set(TEXT))))
NETWORKS = {
    f"{cell} {variant}".strip().replace(", ", "+").replace(" ", "-"): {"cell": cell, **options}
    for cell in CELLS
    for variant, options in CELLS[cell].variants.items()
} | {"two-layers": {"num_layers": 2}}


def walked(**options: object) -> Walk:
    size = len(VOCABULARY)
    model = LanguageModel(ModelConfig(size, 5, size, dtype="float64", **options))  # type: ignore[arg-type]
    model.parameters[:] = np.random.default_rng(5).normal(0, 0.7, model.parameters.size)
    state = np.random.default_rng(6).normal(0, 0.5, model.zero_state().shape)
    return walk(model, TEXT, VOCABULARY, clip_norm=0.4, state=state, learning_rate=0.3)


@pytest.mark.parametrize("network", NETWORKS)
def test_engines_agree_with_the_walk_at_every_stage(network: str) -> None:
    """The walk's own gradients of single steps are those of the engines' backward passes."""
    walk_ = walked(**NETWORKS[network])
    pair = both(walk_)
    np.testing.assert_array_equal(pair.twin.walk.updated.before, walk_.updated.before)
    engines_own = 0
    for index, moment in enumerate(walk_.moments):
        if moment.stage.axis == "weights" or moment.stage.id == "total":
            continue
        np.testing.assert_allclose(pair.twin.values(index), moment.values, rtol=0, atol=1e-13, err_msg=moment.stage.id)
        core, twin = pair.numbers(index, 3)
        value = moment.value(3)
        assert (twin is None) == (value is None)
        if twin is not None:
            assert twin == pytest.approx(value, abs=1e-13)
            assert core is None or core == pytest.approx(twin, abs=1e-13)
        engines_own += moment.stage.id in pair.twin.gradients.get(moment.step.t, {}) and moment.phase == "backward"
    assert engines_own >= 2 * (len(TEXT) - 1)
    if "c" in available_backends():
        assert 0 < pair.difference < 1e-12


@pytest.mark.skipif("c" not in available_backends(), reason="needs the C core")
def test_a_wrong_number_of_one_engine_would_show() -> None:
    pair = both(walked())
    assert pair.core is not None
    index = next(k for k, m in enumerate(pair.core.walk.moments) if (m.stage.id, m.step.t) == ("da_f", 4))
    core, twin = pair.numbers(index, 2)
    assert core is not None and twin is not None
    gradients = dict(pair.core.gradients)
    gradients[4] = gradients[4] | {"da_f": gradients[4]["da_f"] + 1e-6}
    wrong = replace(pair, core=replace(pair.core, gradients=gradients))
    assert wrong.difference == pytest.approx(1e-6, rel=1e-3)
    assert wrong.numbers(index, 2)[0] == pytest.approx(core + 1e-6, abs=1e-15)


def test_without_the_core_there_is_only_the_twins_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "available_backends", lambda: ("numpy",))
    model, vocabulary = spelling_model("hello", backend="numpy")
    pair = both(walk(model, "hello", vocabulary))
    assert pair.core is None and math.isnan(pair.difference)
    core, twin = pair.numbers(4, 0)
    assert core is None and twin is not None
    assert backend.available_backends()[-1] == "numpy"


def test_moments_that_there_are_not() -> None:
    pair = both(walked())
    with pytest.raises(ArgumentError, match="index"):
        pair.numbers(10_000, 0)
    with pytest.raises(ArgumentError, match="unit"):
        pair.numbers(4, 99)
