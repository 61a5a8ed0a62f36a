"""The LSTM without the tanh on C."""

from __future__ import annotations

import numpy as np

from lstm_ext.engine.config import ModelConfig
from lstm_ext.experiments.learning import (
    Learner,
)
from lstm_ext.experiments.linear_cell import LinearCellModel
from lstm_ext.nn.gradcheck import gradient_errors
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tasks.first_character import FirstCharacter


def test_linear_cell_gradients() -> None:
    rng = np.random.default_rng(0)
    model = LinearCellModel(5, 4, 3).build(dtype="float64")
    model.parameters[...] = 0.7 * rng.standard_normal(model.parameters.shape)
    inputs, targets = rng.integers(0, 5, (6, 3)), rng.integers(-1, 3, (6, 3))
    assert max(gradient_errors(model, (inputs, None, targets)).values()) < 1e-7


def test_linear_cell_is_an_lstm_but_for_one_tanh() -> None:
    config = ModelConfig(5, 4, 3, dtype="float64")
    model = LanguageModel(config, seed=2)
    model.parameters[...] *= 0.01  # so small that tanh(C) = C, nearly
    network = LinearCellModel(5, 4, 3).build(dtype="float64")
    network.parameters[...] = model.parameters
    batch = FirstCharacter(3, "blank", classes=3).batch(np.random.default_rng(0), 6)
    np.testing.assert_allclose(Learner(network).logits(batch), Learner(model).logits(batch), rtol=0, atol=1e-9)
    model.parameters[...] *= 100
    network.parameters[...] = model.parameters
    assert abs(Learner(network).logits(batch) - Learner(model).logits(batch)).max() > 1e-3
