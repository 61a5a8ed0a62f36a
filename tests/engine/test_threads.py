"""Single layers whose work is shared by threads."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_ext import LanguageModel, nn
from lstm_ext.cells.config import LayerConfig
from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.nn.numerics import relative_error
from lstm_ext.verify import VARIANTS
from lstm_ext.verify.cases import random_layer

pytest.importorskip("lstm_ext.engine.core", reason="the C core was not built")


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("symbols", [False, True], ids=["dense", "symbols"])
@pytest.mark.parametrize("batch", [1, 19])
def test_threads_change_nothing_but_roundings(name: str, symbols: bool, batch: int) -> None:
    """Sizes at which three threads take part: sequences and columns that three does not divide."""
    config = LayerConfig(input_size=31, hidden_size=70, reverse=True, **VARIANTS[name])
    lengths = [23 - b for b in range(batch)]
    case = random_layer(config, 23, batch, symbols=symbols, lengths=lengths, masked=True, seed=batch)
    alone, shared = engine_module("c"), engine_module("c", threads=3)
    expected, results, again = (case.results(engine) for engine in (alone, shared, shared))
    for key, array in expected.items():
        assert relative_error(results[key], array) < 1e-13, key
        np.testing.assert_array_equal(again[key], results[key], err_msg=key)


def test_a_network_takes_threads() -> None:
    x = np.random.default_rng(0).normal(size=(30, 16, 5))
    gradients = []
    for threads in (1, 2, 2):
        network = nn.Classifier(5, 64, 3, pooling="attention", num_layers=2, bidirectional=True)
        network.build(dtype="float64", threads=threads)
        network.forward(x)
        network.backward(np.ones((16, 3)))
        gradients.append(network.gradient.copy())
    assert relative_error(gradients[0], gradients[1]) < 1e-12
    np.testing.assert_array_equal(gradients[1], gradients[2])


@pytest.mark.parametrize("shape", [(1, 25), (3, 2)])
def test_where_one_thread_does_it_all_more_threads_change_no_bit(shape: tuple[int, int]) -> None:
    batch, steps = shape
    config = ModelConfig(29, 48, 29, dropout=0.2)
    symbols = np.random.default_rng(1).integers(0, 29, (2, steps, batch)).astype(np.int32)
    parameters = set()
    for threads in (1, 2, 5):
        model = LanguageModel(config, threads=threads)
        optimizer, moments = OptimizerConfig(clip_norm=0.1), np.zeros((2, config.num_parameters), np.float32)
        model.engine.forward(*symbols, model.zero_state(batch), dropout_key=3)
        model.engine.backward()
        model.engine.update(optimizer, moments, 1, 0.01)
        parameters.add(model.parameters.tobytes())
    assert len(parameters) == 1
