"""The training loop, on every engine: what it computes, how it is led, and how it ends."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_ext.data import Lanes, Text, load_text, split
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import TrainResult
from lstm_ext.engine.rng import dropout_key
from lstm_ext.errors import CheckpointError, DataError, NonFiniteError, StateError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train import trainer as trainer_module
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from lstm_ext.train.evaluation import evaluate
from lstm_ext.train.trainer import Snapshot, Trainer, TrainerConfig

#: Generous, so that a stuck thread fails a test instead of hanging it.
TIMEOUT = 60

#: 1,339 training symbols in 3 lanes of 446 pairs: 63 steps of 7 symbols and one of 5.
HAMLET = load_text("hamlet")
STEPS_PER_EPOCH = 64
CONFIG = TrainerConfig(seq_length=7, batch_size=3, lr=5e-3, seed=9, eval_every=20)


@pytest.fixture(params=available_backends())
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make_trainer(backend: str, config: TrainerConfig = CONFIG, text: Text = HAMLET, **model: Any) -> Trainer:
    size = len(text.vocabulary)
    model_config = ModelConfig(size, 6, size, **model)
    return Trainer(LanguageModel(model_config, seed=1, backend=backend), text, config)


def contents(trainer: Trainer, directory: Path) -> Checkpoint:
    """All there is of a run, by way of a checkpoint."""
    path = directory / "contents.safetensors"
    trainer.save(str(path))
    return load_checkpoint(str(path))


def assert_same_run(one: Checkpoint, other: Checkpoint) -> None:
    """Bit for bit, but for the clock and for evaluations that only one of them made."""
    for field in fields(Checkpoint):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif field.name == "history":
            assert_same_curve(a.view(), b.view())
        elif field.name != "seconds":
            assert a == b, field.name


def assert_same_curve(one: Any, other: Any) -> None:
    for name in ("steps", "loss", "low", "high", "smoothed", "lr_steps", "lrs"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    a, b = (dict(zip(view.val_steps, view.val_loss, strict=True)) for view in (one, other))
    common = a.keys() & b.keys()
    assert {step: a[step] for step in common} == {step: b[step] for step in common}
    assert {step for step in a if step % 20 == 0} == {step for step in b if step % 20 == 0}


class Engine:
    """Stands before a real engine; ``train`` is replaced."""

    def __init__(self, trainer: Trainer, train: Callable[..., TrainResult]) -> None:
        self.real = trainer.model.engine
        self.train = train
        trainer.model.engine = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Gate:
    """Lets the engine's first call begin, and holds it until it is opened."""

    def __init__(self, trainer: Trainer) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        Engine(trainer, self._train).train = self._train
        self._trainer = trainer

    def _train(self, *arguments: Any) -> TrainResult:
        self.entered.set()
        assert self.opened.wait(TIMEOUT)
        return self._trainer.model.engine.real.train(*arguments)  # type: ignore[attr-defined,no-any-return]


class Clock:
    """Advances by one second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """One call of the engine then lasts 1 s, the step with all around it 3 s."""
    clock = Clock()
    monkeypatch.setattr(trainer_module, "time", clock)
    return clock


# --------------------------------------------------------- what it computes


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
    np.testing.assert_allclose(after.state, state, rtol=1e-7, atol=1e-10)
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
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", seconds)
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
        carried[step] = contents(trainer, tmp_path).state.any()
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


def test_a_model_of_another_alphabet(backend: str) -> None:
    with pytest.raises(ValueError, match="expected the text's 45 symbols"):
        Trainer(LanguageModel(ModelConfig(44, 3, 44), backend=backend), HAMLET)


# ------------------------------------------- learning rate, averages, the best


def rates(trainer: Trainer) -> dict[int, float]:
    """The learning rate of each step from now on, as the engine gets it."""
    used: dict[int, float] = {}
    real = trainer.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        result = real(*arguments)
        used.update(zip(range(arguments[5], arguments[5] + result.done), arguments[6].tolist(), strict=False))
        return result

    Engine(trainer, train)
    return used


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
    monkeypatch.setattr(trainer_module, "EVERY_STEP_UNTIL", 4)
    monkeypatch.setattr(trainer_module, "STRIDE", 5)
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    trainer = make_trainer(backend, replace(CONFIG, lr=1e-3, schedule="linear", validation=0.0))
    used = rates(trainer)
    trainer.run(seconds=60.0)  # 3 s per step
    assert used == pytest.approx({step: 1e-3 * (1.0 - (step - 1) / 20) for step in range(1, 21)}, rel=1e-9)


@pytest.mark.parametrize("limits", [{"steps": 40}, {"epochs": 0.5}, {"seconds": 120.0}], ids=str)
@pytest.mark.parametrize("saved_at", [1, 13, 20])
def test_resume_within_a_schedule(
    saved_at: int, limits: dict[str, Any], backend: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same learning rates; where the clock decides, up to its next reading: it is no longer the same one."""
    monkeypatch.setattr(trainer_module, "EVERY_STEP_UNTIL", 6)
    monkeypatch.setattr(trainer_module, "STRIDE", 7)
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    path = str(tmp_path / "run.safetensors")
    whole = make_trainer(backend, replace(CONFIG, schedule="cosine", warmup=5, average=0.1), dropout=0.2)
    used = rates(whole)
    real = whole.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        if arguments[5] == saved_at + 1:
            whole.save(path)
        return real(*arguments)

    Engine(whole, train)
    whole.run(**limits)
    resumed = Trainer.resume(path, backend=backend, checkpoint=None)
    again = rates(resumed)
    resumed.run(**limits)
    assert min(again) == saved_at + 1
    if "seconds" in limits:
        same = 1 if saved_at <= 6 else 7 - saved_at % 7
        assert [again[saved_at + n] for n in range(1, 1 + same)] == [used[saved_at + n] for n in range(1, 1 + same)]
    else:
        assert again == {step: rate for step, rate in used.items() if step > saved_at}
        assert_same_run(contents(whole, tmp_path), contents(resumed, tmp_path))


def test_the_average_of_the_weights(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "EVERY_STEP_UNTIL", 3)
    monkeypatch.setattr(trainer_module, "STRIDE", 4)
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


def test_the_best_is_kept(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path))
    trainer.run(steps=40)
    good = trainer.model.parameters.copy()
    trainer.lr = 3.0  # spoils it
    snapshot = trainer.run(steps=80)
    losses = dict(zip(snapshot.history.val_steps, snapshot.history.val_loss, strict=True))
    assert losses[40] < losses[20] < min(losses[60], losses[80])
    assert (snapshot.best_val, snapshot.best_step, snapshot.val_loss) == (losses[40], 40, losses[80])
    resumed = Trainer.resume(path, backend=backend)
    resumed.run(steps=100)
    for trained in (trainer, resumed):
        saved = contents(trained, tmp_path)
        assert saved.kept == "best"
        np.testing.assert_array_equal(saved.model(backend=backend).parameters, good)
        np.testing.assert_array_equal(saved.parameters, trained.model.parameters)
    assert resumed.snapshot().best_step == 40
    # Something else to validate on: what was best there is not best here.
    other = Trainer.resume(path, backend=backend, validation=0.2, lr=1e-3, checkpoint=None)
    assert (other.snapshot().best_val, contents(other, tmp_path).kept) == (None, "last")
    assert other.run(steps=120).best_step == 120


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


# ------------------------------------------------------------- exact resume

RUNS: dict[str, tuple[TrainerConfig, dict[str, Any]]] = {
    "adam dropout": (CONFIG, {"dropout": 0.3, "num_layers": 2}),
    "momentum gru": (
        replace(CONFIG, lr=0.1, optimizer=OptimizerConfig("sgd", momentum=0.9)),
        {"cell": "gru", "reset_after": True},
    ),
    "rmsprop rnn float64": (replace(CONFIG, optimizer=OptimizerConfig("rmsprop")), {"cell": "rnn", "dtype": "float64"}),
    "adagrad peephole": (replace(CONFIG, lr=0.05, optimizer=OptimizerConfig("adagrad")), {"peephole": True}),
    "averaged reset": (replace(CONFIG, average=0.2, warmup=70, reset_every=9), {"dropout": 0.3}),
    "coupled forced": (CONFIG, {"coupled": True, "force": {"output": 1.0}}),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("saved_at", [1, 63, 64, 77])
def test_resume_is_exact(
    name: str, saved_at: int, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, model = RUNS[name]
    whole = make_trainer(backend, config, **model)
    whole.run(steps=100)

    path = str(tmp_path / "run.safetensors")
    first = make_trainer(backend, config, **model)
    first.run(steps=saved_at)
    first.save(path)
    first.run(steps=saved_at + 5)  # lost
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    second = Trainer.resume(path, backend=backend)
    assert (second.snapshot().step, second.snapshot().saved_step) == (saved_at, saved_at)
    snapshot = second.run(steps=100)
    assert snapshot.step == 100
    assert_same_run(contents(whole, tmp_path), contents(second, tmp_path))


def test_resume_in_the_middle_of_an_evaluation(backend: str, tmp_path: Path) -> None:
    """The evaluation is made up for."""
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path))
    Engine(trainer, trainer.model.engine.train)

    def stop(*arguments: Any, **options: Any) -> float:
        trainer.stop()
        return float(trainer.model.engine.real.forward(*arguments, **options))  # type: ignore[attr-defined]

    trainer.model.engine.forward = stop  # type: ignore[method-assign]
    snapshot = trainer.run(steps=100)
    assert (snapshot.status, snapshot.step, snapshot.saved_step, snapshot.val_loss) == ("stopped", 20, 20, None)
    resumed = Trainer.resume(path, backend=backend)
    assert resumed.run(steps=45).history.val_steps.tolist() == [20, 40, 45]


def test_limits_count_from_the_start_also_after_resume(backend: str, tmp_path: Path, clock: Clock) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend)
    trainer.run(steps=30)
    seconds = trainer.snapshot().seconds
    trainer.save(path)
    for limits, steps in (
        ({"steps": 30}, 30),
        ({"steps": 10}, 30),
        ({"epochs": 1}, 64),
        ({"epochs": 0.5}, 32),
        ({"epochs": 0.1}, 30),
        ({"epochs": 1, "steps": 40}, 40),
        ({"seconds": seconds}, 30),
        ({"seconds": seconds + 0.5}, 31),
        ({"seconds": seconds + 1e9, "steps": 33}, 33),
    ):
        resumed = Trainer.resume(path, backend=backend, checkpoint=None)
        snapshot = resumed.run(**limits)
        assert (snapshot.step, snapshot.status) == (steps, "finished"), limits
        assert snapshot.total_seconds == limits.get("seconds")
        expected = min([limits["steps"]] if "steps" in limits else [64 * limits.get("epochs", math.inf), math.inf])
        if expected >= 30:
            assert snapshot.total_steps == (None if expected == math.inf else round(expected))


def test_resume_with_changes(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, optimizer=OptimizerConfig("sgd", momentum=0.5)))
    trainer.lr = 0.25
    trainer.run(steps=10)
    trainer.save(path)
    saved = load_checkpoint(path)
    assert saved.state.any()
    assert saved.moments[0].any()

    same = Trainer.resume(path, backend=backend)
    assert (same.lr, same.config.checkpoint) == (0.25, path)
    faster = Trainer.resume(path, backend=backend, lr=0.5, checkpoint=None)
    assert (faster.lr, faster.config.checkpoint) == (0.5, None)
    assert contents(faster, tmp_path).state.tobytes() == saved.state.tobytes()

    wider = Trainer.resume(path, backend=backend, batch_size=4)
    assert (wider.snapshot().step, wider.snapshot().epoch) == (10, 1.0)
    assert not contents(wider, tmp_path).state.any()
    assert contents(wider, tmp_path).moments.tobytes() == saved.moments.tobytes()

    adam = Trainer.resume(path, backend=backend, optimizer=OptimizerConfig("adam"))
    assert not contents(adam, tmp_path).moments.any()
    assert contents(adam, tmp_path).state.tobytes() == saved.state.tobytes()

    with pytest.raises(TypeError, match="batchsize"):
        Trainer.resume(path, backend=backend, batchsize=4)
    with pytest.raises(ValueError, match="seq_length: got 0"):
        Trainer.resume(path, backend=backend, seq_length=0)


def test_resume_on_another_text(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend)
    trainer.run(steps=10)
    trainer.save(path)
    other = tmp_path / "other.txt"
    other.write_text("To sleep, to dream. " * 40)
    resumed = Trainer.resume(path, str(other), backend=backend)
    assert (resumed.text.name, resumed.snapshot().step, resumed.snapshot().epoch) == (str(other), 10, 1.0)
    assert not contents(resumed, tmp_path).state.any()
    assert resumed.run(steps=11).step == 11

    other.write_text("To be, or not to be? 42!")
    with pytest.raises(DataError, match=r"character '4' \(U\+0034\) at position 21 .* 45 this model learned"):
        Trainer.resume(path, str(other), backend=backend)
    with pytest.raises(DataError, match="vocabulary"):
        Trainer.resume(path, load_text("hello"), backend=backend)


CHILD = """
import signal, sys
from lstm_ext.train import trainer
from lstm_ext.engine.config import ModelConfig
from lstm_ext.data import load_text
from lstm_ext.nn.language_model import LanguageModel

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a script's `&` has it ignored
trainer.PROGRESS_SECONDS = 0.001
text = load_text("hamlet")
model = LanguageModel(ModelConfig(45, 6, 45, dropout=0.2), seed=1, backend=sys.argv[1])
config = trainer.TrainerConfig(
    seq_length=7, batch_size=3, lr=5e-3, seed=9, eval_every=20, checkpoint=sys.argv[2], checkpoint_every=1e-9
)
trainer.Trainer(model, text, config).run(on_progress=lambda snapshot: print(snapshot.saved_step, flush=True))
"""


@pytest.fixture
def child(backend: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that trains for ever, and prints the step of its last checkpoint."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, backend, str(tmp_path / "run.safetensors")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def wait_for_step(process: subprocess.Popen[str], step: int) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if line != "None\n" and int(line) >= step:
            return int(line)
    raise AssertionError(process.stderr and process.stderr.read())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_resumed(number: signal.Signals, child: subprocess.Popen[str], backend: str, tmp_path: Path) -> None:
    printed = wait_for_step(child, 70)
    child.send_signal(number)
    child.wait(TIMEOUT)
    assert child.stderr is not None
    assert ("KeyboardInterrupt" in child.stderr.read()) == (number == signal.SIGINT)
    path = str(tmp_path / "run.safetensors")
    resumed = Trainer.resume(path, backend=backend)
    step = resumed.snapshot().step
    assert step >= printed
    resumed.run(steps=step + 30)
    whole = make_trainer(backend, dropout=0.2)
    whole.run(steps=step + 30)
    one, other = contents(whole, tmp_path), contents(resumed, tmp_path)
    assert_same_run(one, replace(other, trainer_config=one.trainer_config))


# ----------------------------------------------------------------- endings


def test_no_steps(backend: str) -> None:
    snapshot = make_trainer(backend).run(steps=0)
    assert (snapshot.status, snapshot.step, snapshot.epoch, snapshot.val_loss) == ("finished", 0, 0.0, None)
    assert all(math.isnan(value) for value in (snapshot.loss, snapshot.smoothed, snapshot.grad_norm))
    assert snapshot.chars_per_second == 0.0


def test_stop_ends_it_at_a_step(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path), dropout=0.1)
    trainer.start()
    assert trainer.running
    trainer.submit(lambda model: None).result(TIMEOUT)
    trainer.stop(wait=True)
    assert not trainer.running
    snapshot = trainer.snapshot()
    assert snapshot.status == "stopped"
    assert snapshot.saved_step == snapshot.step
    trainer.stop(wait=True)  # once more does no harm
    whole = make_trainer(backend, replace(CONFIG, checkpoint=path), dropout=0.1)
    whole.run(steps=snapshot.step)
    assert_same_run(load_checkpoint(path), contents(whole, tmp_path))


def test_stop_does_not_wait_for_the_chunk(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of very many steps ends after the present one."""
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 1e9)
    text = Text.from_string("ab" * 100_000)
    trainer = make_trainer(backend, TrainerConfig(seq_length=2, batch_size=1, eval_every=10**9, validation=0), text)
    trainer.run(steps=1)
    monkeypatch.setattr(trainer_module, "CHUNK_STEPS", 10**9)
    real = trainer.model.engine.train
    asked: list[int] = []

    def train(*arguments: Any) -> TrainResult:
        asked.append(len(arguments[0]))
        trainer.stop()
        return real(*arguments)

    Engine(trainer, train)
    snapshot = trainer.run()
    assert asked == [99_998]  # the rest of the epoch, but for its shorter last step
    assert snapshot.status == "stopped"
    assert snapshot.step <= 2


def test_it_can_go_on_after_the_end(backend: str, tmp_path: Path) -> None:
    trainer, whole = make_trainer(backend), make_trainer(backend)
    for steps in (10, 10, 70, 100):
        assert trainer.run(steps=steps).status == "finished"
    whole.run(steps=100)
    assert_same_run(contents(trainer, tmp_path), contents(whole, tmp_path))


class Interruption(BaseException):
    pass


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Interruption])
def test_an_interruption_leaves_a_checkpoint(kind: type[BaseException], backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path))

    def interrupt(snapshot: Snapshot) -> None:
        if snapshot.step:
            raise kind

    with pytest.raises(kind):
        trainer.run(on_progress=interrupt)
    assert not trainer.running
    snapshot = trainer.snapshot()
    assert snapshot.status == "stopped"
    assert snapshot.step > 0
    assert_same_run(load_checkpoint(path), contents(trainer, tmp_path))


def test_progress_is_reported_in_the_callers_thread(backend: str) -> None:
    seen: list[Snapshot] = []
    threads: set[int] = set()

    def note(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        threads.add(threading.get_ident())

    last = make_trainer(backend).run(steps=50, on_progress=note)
    assert threads == {threading.get_ident()}
    assert seen[-1] is last
    assert last.status == "finished"
    assert [snapshot.step for snapshot in seen] == sorted(snapshot.step for snapshot in seen)


def test_a_loss_that_is_not_finite(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path, optimizer=OptimizerConfig(clip_norm=0.0)))
    trainer.run(steps=30)
    before = load_checkpoint(path)
    trainer.model.parameters[3] = math.nan
    weights = trainer.model.parameters.copy()
    snapshot = trainer.run(steps=60)
    assert (snapshot.status, snapshot.step) == ("failed", 30)
    assert snapshot.message == (
        "training failed: the loss was no longer a finite number at step 31; the weights are those from before it. "
        "Try a learning rate below 0.005, or clip gradients (clip_norm 5)"
    )
    np.testing.assert_array_equal(trainer.model.parameters, weights)
    assert_same_run(load_checkpoint(path), before)
    with pytest.raises(CheckpointError, match="NaN"):
        trainer.save(path)
    assert_same_run(load_checkpoint(path), before)
    trainer.model.load(before.parameters)
    assert trainer.run(steps=60).status == "finished"
    assert trainer.snapshot().message == ""


def test_a_failure_within_a_chunk(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps before the failing one are done."""
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 1e9)
    trainer = make_trainer(backend, replace(CONFIG, eval_every=10**6), dropout=0.2)
    real = trainer.model.engine.train

    def fail_at_40(*arguments: Any) -> TrainResult:
        inputs, targets, state, optimizer, moments, first, lrs, seed, stop = arguments
        good = 40 - first
        if good >= len(inputs):
            return real(*arguments)
        real(inputs[:good], targets[:good], state, optimizer, moments, first, lrs[:good], seed, stop)
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
    np.testing.assert_array_equal(one.state, other.state)
    assert (one.step, one.epoch_step) == (39, 39)


def test_any_other_error_is_not_swallowed(backend: str) -> None:
    trainer = make_trainer(backend)

    def fail(*_: Any) -> TrainResult:
        raise MemoryError("no memory")

    Engine(trainer, fail)
    with pytest.raises(MemoryError):
        trainer.run(steps=1)
    assert trainer.snapshot().status == "failed"
    assert trainer.snapshot().message == "training ended by an error: MemoryError: no memory"
    trainer.start(steps=1)
    join(trainer)
    assert trainer.snapshot().status == "failed"


# ------------------------------------------------------------- checkpoints


def test_checkpoints_come_every_so_many_seconds(
    clock: Clock, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path, checkpoint_every=4.0, validation=0.0))
    saved: list[tuple[int, float]] = []

    def save(checkpoint: Checkpoint, path: str) -> None:
        saved.append((checkpoint.step, checkpoint.seconds))
        save_checkpoint(checkpoint, path)

    monkeypatch.setattr(trainer_module, "save_checkpoint", save)
    trainer.run(steps=12)
    # 1 s of each step counts; with all around it a step lasts 3 s, a checkpoint or seeing the end 1 s.
    assert saved == [(4, 12.0), (8, 25.0), (12, 39.0)]
    assert trainer.snapshot().saved_step == 12
    trainer.run(steps=12)
    assert len(saved) == 3  # nothing new


def test_a_full_disk_does_not_end_training(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path, checkpoint_every=1e-9))
    trainer.run(steps=30)
    good = Path(path).read_bytes()
    full = True

    def fsync(descriptor: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    snapshot = trainer.run(steps=60)
    assert (snapshot.status, snapshot.step, snapshot.saved_step) == ("finished", 60, 30)
    assert snapshot.message == (
        f"{path}: cannot be written: no space left on the disk; the last good checkpoint is untouched"
    )
    assert Path(path).read_bytes() == good
    assert os.listdir(tmp_path) == ["run.safetensors"]
    full = False
    snapshot = trainer.run(steps=61)
    assert (snapshot.message, snapshot.saved_step) == ("", 61)


def test_a_destination_that_cannot_be_is_refused_at_once(backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=str(tmp_path / "missing" / "run.safetensors")))
    with pytest.raises(CheckpointError, match="there is no directory"):
        trainer.run(steps=1)
    assert (trainer.snapshot().status, trainer.snapshot().step) == ("ready", 0)


# -------------------------------------------------------------- front ends


def test_pause_steps_and_going_on(backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend)
    trainer.start(steps=100, paused=True)

    def step() -> int:
        return trainer.submit(lambda model: trainer.snapshot().step).result(TIMEOUT)

    assert (step(), trainer.paused, trainer.running, trainer.snapshot().status) == (0, True, True, "paused")
    trained = counting(trainer)
    for n in (1, 2):
        trainer.single_step()
        assert trained.acquire(timeout=TIMEOUT)
        assert step() == n
        assert trainer.snapshot().status == "paused"
    trainer.single_step()
    trainer.single_step()
    for _ in range(2):
        assert trained.acquire(timeout=TIMEOUT)
    assert step() == 4
    trainer.resume_run()
    join(trainer)
    assert (trainer.snapshot().status, trainer.snapshot().step, trainer.paused) == ("finished", 100, False)
    whole = make_trainer(backend)
    whole.run(steps=100)
    assert_same_run(contents(trainer, tmp_path), contents(whole, tmp_path))


def counting(trainer: Trainer) -> threading.Semaphore:
    """Released after every call of the engine's ``train``."""
    semaphore = threading.Semaphore(0)
    real = trainer.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        result = real(*arguments)
        semaphore.release()
        return result

    Engine(trainer, train)
    return semaphore


def join(trainer: Trainer) -> None:
    thread = trainer._thread
    if thread is not None:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def test_pausing_a_run(backend: str) -> None:
    trainer = make_trainer(backend)
    gate = Gate(trainer)
    trainer.start()
    assert gate.entered.wait(TIMEOUT)
    trainer.pause()
    gate.opened.set()
    step, again = (trainer.submit(lambda model: trainer.snapshot().step).result(TIMEOUT) for _ in range(2))
    assert step == again
    assert trainer.snapshot().status == "paused"
    trainer.stop(wait=True)
    assert (trainer.snapshot().status, trainer.snapshot().step) == ("stopped", step)


def test_a_single_step_without_a_thread(backend: str) -> None:
    trainer = make_trainer(backend)
    trained = counting(trainer)
    trainer.single_step()
    assert trained.acquire(timeout=TIMEOUT)
    assert trainer.submit(lambda model: trainer.snapshot().step).result(TIMEOUT) == 1
    assert trainer.paused
    trainer.stop(wait=True)


def test_pauses_are_no_time(clock: Clock, backend: str) -> None:
    trainer = make_trainer(backend, replace(CONFIG, validation=0.0))
    trainer.start(paused=True)
    for _ in range(5):
        trainer.submit(lambda model: None).result(TIMEOUT)
    assert trainer.snapshot().seconds == 0.0
    trainer.stop(wait=True)


def test_speed_and_time(clock: Clock, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    trainer = make_trainer(backend, replace(CONFIG, validation=0.0))
    snapshot = trainer.run(steps=10)
    assert snapshot.seconds == 31.0  # 1 s to see that it is over
    assert snapshot.chars_per_second == 21.0  # 3 lanes of 7 symbols in the one second of each step
    # 1,487 pairs in 3 lanes: the 71st step has 6 columns, of which one lane lacks the last.
    assert trainer.lanes.steps == 71
    snapshot = trainer.run(steps=71)
    assert snapshot.chars_per_second == pytest.approx((21 + 21 + 17) / 3)
    assert snapshot.epoch == 1.0


def test_a_limit_in_seconds(clock: Clock, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    snapshot = make_trainer(backend, replace(CONFIG, validation=0.0)).run(seconds=28.0)
    assert (snapshot.step, snapshot.seconds, snapshot.total_seconds) == (10, 31.0, 28.0)


def test_nobody_waits_for_the_engine(backend: str) -> None:
    trainer = make_trainer(backend)
    gate = Gate(trainer)
    trainer.start(steps=30)
    assert gate.entered.wait(TIMEOUT)
    # The engine is at work now, and does not return before all of these have.
    assert trainer.snapshot().step == 0
    trainer.lr = 0.5
    assert trainer.snapshot().lr == 0.5
    future = trainer.submit(lambda model: threading.current_thread().name)
    trainer.pause()
    trainer.resume_run()
    assert not future.done()
    gate.opened.set()
    assert future.result(TIMEOUT) == "trainer"
    join(trainer)
    assert trainer.snapshot().step == 30


def test_a_new_learning_rate(backend: str) -> None:
    trainer = make_trainer(backend)
    used: dict[int, float] = {}
    real = trainer.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        result = real(*arguments)
        used.update(zip(range(arguments[5], arguments[5] + result.done), arguments[6], strict=False))
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


def test_submit_while_nothing_runs(backend: str) -> None:
    trainer = make_trainer(backend)
    for status in ("ready", "finished"):
        assert trainer.snapshot().status == status
        future = trainer.submit(lambda model: (model, threading.get_ident()))
        assert future.done()
        assert future.result() == (trainer.model, threading.get_ident())
        trainer.run(steps=1)


def test_submit_while_running(backend: str) -> None:
    trainer = make_trainer(backend)
    trainer.start()
    futures = [trainer.submit(lambda model, n=n: n) for n in range(20)]
    assert [future.result(TIMEOUT) for future in futures] == list(range(20))
    nested = trainer.submit(lambda model: trainer.submit(lambda model: "inner").result(TIMEOUT))
    assert nested.result(TIMEOUT) == "inner"

    def fail(model: LanguageModel) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trainer.submit(fail).result(TIMEOUT)
    assert trainer.running
    trainer.stop(wait=True)


def test_what_was_submitted_before_the_end_is_done(backend: str) -> None:
    trainer = make_trainer(backend)
    gate = Gate(trainer)
    trainer.start()
    assert gate.entered.wait(TIMEOUT)
    futures = [trainer.submit(lambda model: 1), trainer.submit(lambda model: 2)]
    assert futures[1].cancel()
    trainer.stop()
    gate.opened.set()
    assert futures[0].result(TIMEOUT) == 1
    join(trainer)
    assert futures[1].cancelled()


def test_sampling_meanwhile_changes_nothing(backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend, dropout=0.2)
    trainer.start(steps=120)
    futures = []
    for n in range(10):
        futures.append(trainer.submit(lambda model, n=n: model.sample([n], 5)))
        futures.append(trainer.submit(lambda model: model.trace([1, 2, 3]).symbols))
    for future in futures:
        future.result(TIMEOUT)
    join(trainer)
    whole = make_trainer(backend, dropout=0.2)
    whole.run(steps=120)
    assert_same_run(contents(trainer, tmp_path), contents(whole, tmp_path))


def test_only_one_thread(backend: str) -> None:
    trainer = make_trainer(backend)
    trainer.start(paused=True)
    with pytest.raises(StateError, match="running already"):
        trainer.start()
    with pytest.raises(StateError, match="running already"):
        trainer.run(steps=1)
    trainer.stop(wait=True)


def test_a_snapshot_stays_as_it_is(backend: str) -> None:
    trainer = make_trainer(backend)
    first = trainer.run(steps=30)
    step, loss = first.step, first.history.loss.copy()
    trainer.run(steps=60)
    assert first.step == step
    np.testing.assert_array_equal(first.history.loss, loss)
    with pytest.raises(AttributeError):
        first.step = 3  # type: ignore[misc]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own only on Linux")
def test_the_background_thread_has_a_lower_priority(backend: str) -> None:
    def niceness(model: LanguageModel) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    trainer = make_trainer(backend)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    trainer.start(paused=True)
    assert trainer.submit(niceness).result(TIMEOUT) == min(19, max(own, trainer_module.NICENESS))
    trainer.stop(wait=True)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seq_length", 0),
        ("batch_size", True),
        ("batch_size", 2.0),
        ("lr", 0.0),
        ("lr", math.nan),
        ("seed", -1),
        ("reset_every", -1),
        ("schedule", "steep"),
        ("warmup", -1),
        ("average", 1.0),
        ("patience", 0),
        ("validation", 1.0),
        ("eval_every", 0),
        ("eval_symbols", 1),
        ("checkpoint_every", 0.0),
        ("checkpoint_every", math.nan),
    ],
)
def test_settings_that_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: got"):
        TrainerConfig(**{name: value})
