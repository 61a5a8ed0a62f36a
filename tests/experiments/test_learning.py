"""The loops that experiments learn by."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lstm_ext import nn
from lstm_ext.data import load_text, split
from lstm_ext.engine.config import ModelConfig
from lstm_ext.experiments.learning import (
    Learner,
    cosine,
    learn_symbols,
    learn_text,
)
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tasks.first_character import FirstCharacter


def test_learning_stops_when_an_unseen_batch_is_right() -> None:
    task = FirstCharacter(2, classes=3)
    model = LanguageModel(ModelConfig(task.input_size, 16, task.output_size))
    learned = learn_symbols(Learner(model), task, 0, lr=0.02, limit=1000)
    assert learned.steps % 50 == 0 and learned.steps < 1000 and learned.accuracy > 0.99
    hopeless = LanguageModel(ModelConfig(task.input_size, 16, task.output_size))
    assert learn_symbols(Learner(hopeless), task, 0, lr=1e-9, limit=50).steps == math.inf


def test_learning_ends_where_the_loss_is_not_finite() -> None:
    parts = split(load_text("hamlet"))
    model = LanguageModel(ModelConfig(50, 8, 50))
    model.parameters[0] = np.nan
    assert np.isnan(learn_text(model, parts, [3, 5], lr=0.01)).all()


def test_text_is_learned_in_lanes_that_go_on() -> None:
    parts = split(load_text("hamlet"))
    size = len(load_text("hamlet").vocabulary)
    once, twice = (LanguageModel(ModelConfig(size, 16, size)) for _ in range(2))
    losses = learn_text(once, parts, [7, 90], lr=0.01, batch_size=4, seq_length=10)
    assert losses[1] < losses[0] - 0.3
    assert learn_text(twice, parts, [90], lr=lambda _: 0.01, batch_size=4, seq_length=10) == [losses[1]]


def test_cosine_falls_to_a_tenth() -> None:
    rate = cosine(0.02, 100)
    assert [rate(step) for step in (0, 50, 100, 500)] == pytest.approx([0.02, 0.011, 0.002, 0.002])


def test_the_networks_of_both_kinds_learn_alike() -> None:
    task = FirstCharacter(3)
    config = ModelConfig(task.input_size, 8, task.output_size)
    model = LanguageModel(config, seed=1)
    network = nn.Tagger(task.input_size, 8, task.output_size).build()
    for name, weight in network.weights().items():
        weight[...] = model.weights()[name.removeprefix("reader.rnn.")]
    batch = task.batch(np.random.default_rng(0), 5)
    learners = Learner(model), Learner(network)
    for _ in range(3):
        one, other = (learner.step(batch, 0.01) for learner in learners)
        assert one == pytest.approx(other, rel=1e-5)
    np.testing.assert_allclose(learners[0].logits(batch), learners[1].logits(batch), atol=1e-5)
