"""What a run is made of: options by name, one set of defaults, and the trainer that comes of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from runs import HAMLET

from lstm_ext.data import Text
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.run_config import DEFAULTS, RunConfig, training_changes
from lstm_ext.train.trainer import Trainer


def test_the_library_has_the_same_defaults() -> None:
    config = RunConfig.from_options({})
    assert config == RunConfig()
    assert config.training == TrainerConfig()
    assert config.network == ModelConfig(1, 128, 1)
    assert config.options() == dict(DEFAULTS)


def test_every_option_reaches_its_place() -> None:
    given: dict[str, Any] = {
        "cell": "lstm", "hidden_size": 7, "num_layers": 2, "peephole": True, "coupled": True, "dropout": 0.25,
        "dtype": "float64", "seq_length": 9, "batch_size": 3, "reset_every": 11, "lr": 0.5, "schedule": "linear",
        "warmup": 5, "average": 0.125, "seed": 8, "validation": 0.25, "eval_every": 6, "patience": 4,
        "eval_symbols": 60, "checkpoint_every": 2.0, "optimizer": "sgd", "clip_norm": 3.0, "forget_bias": 2.5,
        "backend": "numpy", "threads": 2, "reset_after": False,
    }  # fmt: skip
    assert set(given) == set(DEFAULTS)
    config = RunConfig.from_options(given)
    assert config.options() == given
    trainer = config.trainer(HAMLET)
    size = len(HAMLET.vocabulary)
    assert trainer.model.config == replace(config.network, input_size=size, output_size=size)
    assert trainer.config == config.training
    assert (trainer.model.backend, trainer.model.threads) == ("numpy", 2)
    expected = LanguageModel(trainer.model.config, seed=8, forget_bias=2.5, backend="numpy")
    np.testing.assert_array_equal(trainer.model.parameters, expected.parameters)


def test_none_is_not_said_and_numbers_may_be_text() -> None:
    config = RunConfig.from_options({"hidden_size": "20", "lr": "1e-3", "cell": None, "peephole": False})
    assert config == RunConfig(replace(RunConfig().network, hidden_size=20), TrainerConfig(lr=1e-3))
    assert config.with_options({"lr": None}) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_sise": 3}, "hidden_sise: there is no such setting; did you mean hidden_size?"),
        ({"checkpoint": "x"}, "checkpoint: there is no such setting"),
        ({"hidden_size": "many"}, "hidden_size: got 'many', expected an integer"),
        ({"hidden_size": "2.5"}, "hidden_size: got '2.5', expected an integer"),
        ({"lr": "fast"}, "lr: got 'fast', expected a number"),
        ({"hidden_size": 0}, "hidden_size: got 0, expected an integer of at least 1"),
        ({"lr": -1.0}, "lr: got -1.0, expected a number above 0"),
        ({"cell": "gru", "peephole": True}, "peephole: got "),
        ({"optimizer": "adamw"}, "optimizer: got 'adamw', did you mean 'adam'"),
        ({"threads": 0}, "threads: got 0, expected an integer of at least 1"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match="^" + re.escape(message)):
        RunConfig.from_options(options)


def test_large_networks_get_dropout_unless_told_otherwise() -> None:
    for options, dropout in (
        ({"hidden_size": 199}, 0.0),
        ({"hidden_size": 200}, 0.2),
        ({"hidden_size": 200, "dropout": 0.0}, 0.0),
        ({"hidden_size": 200, "dropout": None}, 0.2),
        ({"hidden_size": 9, "dropout": 0.1}, 0.1),
    ):
        assert RunConfig.from_options(options).network.dropout == dropout


def test_changes_of_a_saved_run_leave_the_rest_of_its_optimizer() -> None:
    saved = TrainerConfig(optimizer=OptimizerConfig("sgd", momentum=0.5, clip_norm=2.0))
    assert training_changes({"lr": 0.1, "hidden_size": 4, "seed": None}, saved) == {"lr": 0.1}
    changes = training_changes({"clip_norm": 3.0}, saved)
    assert changes == {"optimizer": OptimizerConfig("sgd", momentum=0.5, clip_norm=3.0)}


def test_what_a_trainer_is_made_of() -> None:
    config = RunConfig.from_options({"hidden_size": 5, "cell": "gru", "backend": "numpy", "lr": 0.5, "clip_norm": 2.0})
    trainer = config.trainer(HAMLET)
    trainer.lr = 0.25
    assert RunConfig.of(trainer).options() == {**config.options(), "lr": 0.25}
    # The same network for another alphabet.
    other = Text.from_string("abc" * 30)
    assert RunConfig.of(trainer).trainer(other).model.config.input_size == 3


def test_memory_is_asked_for_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[ModelConfig, TrainerConfig, int]] = []

    class TooLarge(Exception):
        pass

    def refuse(network: ModelConfig, training: TrainerConfig, length: int) -> None:
        asked.append((network, training, length))
        raise TooLarge

    config = RunConfig.from_options({"hidden_size": 10**9, "num_layers": 10**9})
    with pytest.raises(TooLarge):
        config.trainer(HAMLET, check_memory=refuse)
    ((network, training, length),) = asked
    assert (network.input_size, network.hidden_size, training, length) == (45, 10**9, config.training, len(HAMLET))


def test_the_defaults_learn() -> None:
    """Warm-up, averages, resets and all."""
    trainer: Trainer = RunConfig.from_options({"hidden_size": 16}).trainer(Text.from_string("hello " * 200))
    snapshot = trainer.run(steps=300)
    assert snapshot.best_val is not None and snapshot.best_val < 0.1
