"""The steps of a run, on every engine: what they compute."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import CONFIG, HAMLET, STEPS_PER_EPOCH, Clock, Engine, assert_same_run, contents, make_trainer, rates

from lstm_ext.data import Lanes, Text, load_text, split
from lstm_ext.engine.config import OptimizerConfig
from lstm_ext.engine.interface import TrainResult
from lstm_ext.engine.rng import dropout_key
from lstm_ext.errors import NonFiniteError
from lstm_ext.train import loop as loop_module
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.evaluation import evaluate
from lstm_ext.train.trainer import Trainer


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_every_step_is_forward_backward_update(dropout: float, backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend, num_layers=2, dropout=dropout, dtype="float64")
    model = trainer.model.copy()
    trainer.run(steps=150)

    lanes = Lanes(split(HAMLET).train, 3, 7)
    assert lanes.steps == STEPS_PER_EPOCH
    moments = np.zeros((2, model.config.num_parameters))
    losses = []
    for step in range(1, 151):
        place = (step - 1) % STEPS_PER_EPOCH
        if place == 0:
            state = model.zero_state(3)
        inputs, targets = (array[0] for array in lanes.chunk(place, 1))
        losses.append(model.engine.forward(inputs, targets, state, dropout_key=dropout_key(9, step)))
        model.engine.backward()
        norm = model.engine.update(OptimizerConfig(), moments, step, 5e-3)

    snapshot = trainer.snapshot()
    np.testing.assert_allclose(snapshot.history.loss, losses, rtol=1e-10)
    np.testing.assert_allclose(trainer.model.parameters, model.parameters, rtol=1e-7, atol=1e-10)
    assert snapshot.grad_norm == pytest.approx(norm, rel=1e-8)
    after = contents(trainer, tmp_path)
    np.testing.assert_allclose(after.carried, state, rtol=1e-7, atol=1e-10)
    assert (after.step, after.epoch, after.epoch_step) == (150, 2, 22)


def test_it_learns(backend: str) -> None:
    trainer = make_trainer(backend, TrainerConfig(seq_length=10, batch_size=4, lr=0.02), load_text("hello"))
    snapshot = trainer.run(steps=200)
    assert snapshot.val_loss is not None
    assert snapshot.val_loss < 0.05
    drawn = trainer.model.sample(HELLO.encode("he"), 12, temperature=0.0)
    assert HELLO.decode(drawn) == "llo hello he"


HELLO = load_text("hello").vocabulary


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_the_size_of_chunks_changes_nothing(
    seconds: float, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = make_trainer(backend, dropout=0.2)
    usual.run(steps=150)
    other = make_trainer(backend, dropout=0.2)
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", seconds)
    calls = []
    real = other.model.engine
    Engine(other, lambda *arguments: calls.append(len(arguments[0])) or real.train(*arguments))  # type: ignore[func-returns-value]
    other.run(steps=150)
    assert sum(calls) == 150
    assert (len(calls) == 150) if not seconds else (max(calls) == 20)  # to the next evaluation
    assert_same_run(contents(usual, tmp_path), contents(other, tmp_path))


def test_the_state_is_set_back(backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend, replace(CONFIG, reset_every=5))
    carried = {}
    for step in range(1, 68):
        trainer.run(steps=step)
        carried[step] = contents(trainer, tmp_path).carried.any()
    assert [step for step, any_left in carried.items() if not any_left] == [*range(5, 64, 5), 64, 65]
    at_once = make_trainer(backend, replace(CONFIG, reset_every=5))
    at_once.run(steps=67)
    np.testing.assert_array_equal(at_once.model.parameters, trainer.model.parameters)


def test_evaluation_changes_nothing_that_is_learned(backend: str) -> None:
    often = make_trainer(backend, replace(CONFIG, eval_every=3), dropout=0.3)
    never = make_trainer(backend, replace(CONFIG, eval_every=10**6), dropout=0.3)
    one, other = often.run(steps=100).history, never.run(steps=100).history
    np.testing.assert_array_equal(one.loss, other.loss)
    np.testing.assert_array_equal(often.model.parameters, never.model.parameters)
    assert one.val_steps.tolist() == [*range(3, 100, 3), 100]
    assert other.val_steps.tolist() == [100]


def test_validation_losses_are_those_of_evaluate(backend: str) -> None:
    trainer = make_trainer(backend)
    snapshot = trainer.run(steps=40)
    assert trainer.split.validation is not None
    assert snapshot.val_loss == evaluate(trainer.model, trainer.split.validation).nats
    assert snapshot.bits_per_char == snapshot.val_loss / math.log(2)
    assert snapshot.best_val == min(snapshot.history.val_loss)


def test_only_so_many_validation_symbols(backend: str) -> None:
    trainer = make_trainer(backend, replace(CONFIG, eval_symbols=50))
    snapshot = trainer.run(steps=20)
    assert trainer.split.validation is not None
    assert snapshot.val_loss == evaluate(trainer.model, trainer.split.validation[:50]).nats


def test_a_text_too_short_for_validation(backend: str) -> None:
    trainer = make_trainer(backend, CONFIG, Text.from_string("to be or not to be"))
    snapshot = trainer.run(steps=25)
    assert snapshot.val_loss is snapshot.best_val is None
    assert snapshot.bits_per_char == snapshot.smoothed / math.log(2)
    assert trainer.lanes.steps == 1
    assert snapshot.epoch == 25.0


def test_how_often_it_evaluates_by_default(backend: str) -> None:
    text = Text.from_string("ab" * 500_000)
    # 100,000 symbols at a third of a step's price are 1/20 of 100,000 · 20 / 3 training symbols.
    assert make_trainer(backend, TrainerConfig(seq_length=50, batch_size=16), text).eval_every == 834
    assert make_trainer(backend, TrainerConfig(), HAMLET).eval_every == 100


def test_warm_up_and_schedule(backend: str) -> None:
    trainer = make_trainer(backend, replace(CONFIG, lr=0.01, schedule="linear", warmup=4))
    used = rates(trainer)
    snapshot = trainer.run(steps=10)
    expected = {step: 0.01 * min(1.0, step / 4) * (1.0 - (step - 1) / 10) for step in range(1, 11)}
    assert used == pytest.approx(expected, rel=1e-12)
    assert snapshot.lr == used[10]
    assert trainer.lr == 0.01
    # A later end stretches what is left.
    trainer.run(steps=20)
    assert used[11] == pytest.approx(0.01 * 0.5)
    assert used[20] == pytest.approx(0.01 * 0.05)


def test_a_schedule_by_the_clock(backend: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "EVERY_STEP_UNTIL", 4)
    monkeypatch.setattr(loop_module, "STRIDE", 5)
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)
    trainer = make_trainer(backend, replace(CONFIG, lr=1e-3, schedule="linear", validation=0.0))
    used = rates(trainer)
    trainer.run(seconds=60.0)  # 3 s per step
    assert used == pytest.approx({step: 1e-3 * (1.0 - (step - 1) / 20) for step in range(1, 21)}, rel=1e-9)


def test_the_average_of_the_weights(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "EVERY_STEP_UNTIL", 3)
    monkeypatch.setattr(loop_module, "STRIDE", 4)
    trainer = make_trainer(backend, replace(CONFIG, average=0.25, eval_every=9), dtype="float64")
    average = trainer.model.parameters.copy()
    expected: dict[int, np.ndarray] = {}
    for step in range(1, 19):
        trainer.run(steps=step)
        # After steps 1, 2, 3, and then after multiples of 4.
        if step <= 3 or step % 4 == 0:
            stride = 1 if step <= 3 else 4
            weight = stride / (stride + 0.25 * step)
            average = (1.0 - weight) * average + weight * trainer.model.parameters
        expected[step] = average
    checkpoint = contents(trainer, tmp_path)
    assert checkpoint.average is not None
    np.testing.assert_allclose(checkpoint.average, average, rtol=1e-12)
    assert np.abs(average - checkpoint.parameters).max() > 1e-3
    # It is what is evaluated, and training does not see it.
    averaged = trainer.model.copy()
    averaged.load(expected[9])
    validation = split(HAMLET).validation
    assert validation is not None
    history = trainer.snapshot().history
    assert history.val_loss[history.val_steps == 9] == pytest.approx(evaluate(averaged, validation).nats)
    plain = make_trainer(backend, replace(CONFIG, eval_every=9), dtype="float64")
    plain.run(steps=18)
    np.testing.assert_array_equal(plain.model.parameters, trainer.model.parameters)


def test_early_stopping(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, patience=2, checkpoint=path))
    trainer.run(steps=40)
    trainer.lr = 3.0
    snapshot = trainer.run(steps=500)
    assert (snapshot.status, snapshot.step, snapshot.best_step, snapshot.saved_step) == ("finished", 80, 40, 80)
    assert snapshot.message == "stopped early: no better validation in 2 evaluations"
    assert Trainer.resume(path, backend=backend).run(steps=500).step == 80
    assert Trainer.resume(path, backend=backend, patience=3).run(steps=500).step == 100


def test_a_failure_within_a_chunk(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps before the failing one are done."""
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 1e9)
    trainer = make_trainer(backend, replace(CONFIG, eval_every=10**6), dropout=0.2)
    real = trainer.model.engine.train

    def fail_at_40(*arguments: Any) -> TrainResult:
        inputs, targets, state, training, stop = arguments
        good = 40 - training.first_step
        if good >= len(inputs):
            return real(*arguments)
        real(inputs[:good], targets[:good], state, replace(training, lrs=training.lrs[:good]), stop)
        raise NonFiniteError(40, 2.0, math.inf)

    Engine(trainer, fail_at_40)
    snapshot = trainer.run(steps=100)
    assert (snapshot.status, snapshot.step, snapshot.epoch) == ("failed", 39, 39 / 64)
    assert "the gradient was no longer a finite number at step 40" in snapshot.message
    assert "clip" not in snapshot.message  # it is on
    good = make_trainer(backend, replace(CONFIG, eval_every=10**6), dropout=0.2)
    good.run(steps=39)
    one, other = contents(trainer, tmp_path), contents(good, tmp_path)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    np.testing.assert_array_equal(one.carried, other.carried)
    assert (one.step, one.epoch_step) == (39, 39)


def test_a_new_learning_rate(backend: str) -> None:
    trainer = make_trainer(backend)
    used: dict[int, float] = {}
    real = trainer.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        result = real(*arguments)
        used.update(
            zip(range(arguments[3].first_step, arguments[3].first_step + result.done), arguments[3].lrs, strict=False)
        )
        return result

    Engine(trainer, train)
    trainer.run(steps=5)
    trainer.lr = 0.1
    history = trainer.run(steps=8).history
    assert used == {step: 5e-3 if step <= 5 else 0.1 for step in range(1, 9)}
    assert (history.lr_steps.tolist(), history.lrs.tolist()) == ([1, 6], [5e-3, 0.1])
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="lr"):
            trainer.lr = wrong
    assert trainer.lr == 0.1
