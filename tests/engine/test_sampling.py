"""Sampling, on every engine, against a slow implementation and against the distribution itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference

from lstm_ext.cells import CELLS
from lstm_ext.engine.config import ModelConfig
from lstm_ext.engine.interface import EngineModule

pytestmark = pytest.mark.filterwarnings("error")

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "argmax": {"temperature": 0.0},
    "cold": {"temperature": 0.3},
    "nearly argmax": {"temperature": 1e-9},
    "hot": {"temperature": 3.0},
    "top_k": {"top_k": 3},
    "top_k of one": {"top_k": 1},
    "top_k beyond all": {"top_k": 100},
    "top_p": {"top_p": 0.6},
    "top_p of one": {"top_p": 1e-9},
    "both": {"top_k": 5, "top_p": 0.8, "temperature": 1.5},
}


def softmax_model(engine: EngineModule, bias: list[float]):  # type: ignore[no-untyped-def]
    """A model whose logits are ``bias`` whatever it reads, and a state for it."""
    config = ModelConfig(len(bias), 1, len(bias), cell="rnn", dtype="float64")
    parameters = np.zeros(config.num_parameters)
    reference.parameter_views(config, parameters)["output.b"][...] = bias
    return engine.Engine(config, parameters, np.zeros_like(parameters)), np.zeros(config.state_shape(1))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_a_whole_text_against_the_slow_way(engine: EngineModule, cell: str, options: dict[str, Any]) -> None:
    config = ModelConfig(7, 5, 7, cell=cell, num_layers=2, dropout=0.5, dtype="float64")
    rng = np.random.default_rng(2)
    parameters = rng.normal(size=config.num_parameters)
    state = rng.normal(size=config.state_shape(1))
    slow_state, symbol, expected = state.copy(), 4, []
    for n in range(40):
        logits, slow_state = reference.model(config, parameters, np.array([[symbol]]), slow_state)
        u = reference.uniform(seed=12, n=100 + n)
        symbol = reference.draw(
            logits[0, 0], u, options.get("temperature", 1.0), options.get("top_k", 0), options.get("top_p", 1.0)
        )
        expected.append(symbol)
    model = engine.Engine(config, parameters, np.zeros_like(parameters))
    drawn = model.sample(state, 4, 40, seed=12, offset=100, **options)
    assert drawn.dtype == np.int32
    assert drawn.tolist() == expected
    np.testing.assert_allclose(state, slow_state, rtol=1e-9)


def test_a_text_in_pieces_is_the_text_at_once(engine: EngineModule) -> None:
    config = ModelConfig(9, 8, 9, num_layers=2)
    parameters = np.random.default_rng(2).normal(size=config.num_parameters).astype(np.float32)
    model = engine.Engine(config, parameters, np.zeros_like(parameters))
    whole, pieces = np.zeros(config.state_shape(1), np.float32), np.zeros(config.state_shape(1), np.float32)
    text = model.sample(whole, 3, 30, seed=5)
    first = model.sample(pieces, 3, 11, seed=5)
    rest = model.sample(pieces, int(first[-1]), 19, seed=5, offset=11)
    assert [*first, *rest] == text.tolist()
    assert text.tolist() != model.sample(np.zeros_like(whole), 3, 30, seed=6).tolist()
    np.testing.assert_array_equal(pieces, whole)


def test_sampling_leaves_the_last_forward_alone(engine: EngineModule) -> None:
    config = ModelConfig(4, 3, 4, dropout=0.5, num_layers=2, dtype="float64")
    parameters = np.random.default_rng(2).normal(size=config.num_parameters)
    gradient = np.zeros_like(parameters)
    model = engine.Engine(config, parameters, gradient)
    inputs = np.array([[0, 1], [2, 3], [1, 1]], dtype=np.int32)
    results = []
    for sampling in (False, True):
        model.forward(inputs, inputs, np.zeros(config.state_shape(2)), dropout_key=3)
        if sampling:
            model.sample(np.zeros(config.state_shape(1)), 0, 50)
        logits, gates = model.logits(), model.activations(1).gates
        model.backward()
        results.append((logits, gates, gradient.copy()))
    for without, after in zip(*results, strict=True):
        np.testing.assert_array_equal(without, after)


@pytest.mark.parametrize(
    ("bias", "options", "kept"),
    [
        ([1, 3, 3, 2], {"temperature": 0.0}, {1}),
        ([0, 0, 0, 0], {"temperature": 0.0}, {0}),
        ([0, 0, 0, 0], {"top_k": 2}, {0, 1}),
        ([0, 1, 0, 1], {"top_k": 3}, {0, 1, 3}),
        ([0, 0, 0, 0], {"top_p": 0.5}, {0, 1}),
        ([0, 0, 0, 0], {"top_p": 0.51}, {0, 1, 2}),
        ([0, 0, 0, 0], {"top_p": 0.25}, {0}),
        ([0, 0, 0, 0], {"top_k": 2, "top_p": 0.5}, {0}),  # half of the two that top_k left
        ([0, 0, 9, 0], {"top_p": 0.01}, {2}),
        ([0, 1] * 20, {"top_k": 30}, {*range(1, 40, 2), *range(0, 20, 2)}),  # too many for an unstable sort
        ([5, 5], {"top_k": 7, "top_p": 1.0}, {0, 1}),
    ],
)
def test_what_is_kept_among_equals(
    engine: EngineModule, bias: list[float], options: dict[str, Any], kept: set[int]
) -> None:
    model, state = softmax_model(engine, bias)
    assert set(model.sample(state, 0, 500, **options).tolist()) == kept


@pytest.mark.parametrize(
    ("options", "kept"),
    [({}, 6), ({"temperature": 0.5}, 6), ({"temperature": 2.0}, 6), ({"top_k": 4}, 4), ({"top_p": 0.7}, 3)],
    ids=["plain", "cold", "hot", "top_k", "top_p"],
)
def test_frequencies_are_those_of_the_softmax(engine: EngineModule, options: dict[str, Any], kept: int) -> None:
    """Chi-square at the 0.1 % level; the seed is fixed, so this passes always or never."""
    bias = np.array([0.3, -1.0, 1.2, 0.0, -0.4, 0.9])
    model, state = softmax_model(engine, bias.tolist())
    q = np.exp(bias / options.get("temperature", 1.0))
    q[np.argsort(-q)[kept:]] = 0
    draws = 20_000
    counts = np.bincount(model.sample(state, 0, draws, seed=1, **options), minlength=6)
    expected = draws * q / q.sum()
    assert not counts[expected == 0].any()
    chi_square = float(np.sum((counts - expected)[expected > 0] ** 2 / expected[expected > 0]))
    assert chi_square < {3: 13.82, 4: 16.27, 6: 20.52}[kept]  # 99.9 % points for kept − 1 degrees of freedom


def test_one_symbol_leaves_no_choice(engine: EngineModule) -> None:
    model, state = softmax_model(engine, [-3.0])
    assert model.sample(state, 0, 4, top_k=1, top_p=0.1).tolist() == [0, 0, 0, 0]


def test_a_model_that_cannot_read_what_it_writes_is_refused(engine: EngineModule) -> None:
    config = ModelConfig(2, 3, 5)
    parameters = np.zeros(config.num_parameters, np.float32)
    model = engine.Engine(config, parameters, np.zeros_like(parameters))
    with pytest.raises(ValueError):
        model.sample(np.zeros(config.state_shape(1), np.float32), 0, 4)
