"""A resumed run is the run that was never interrupted; what other settings and texts change in it."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runs import CONFIG, HAMLET, TIMEOUT, Clock, Engine, assert_same_run, contents, make_trainer, rates

from lstm_ext.data import load_text
from lstm_ext.engine.config import OptimizerConfig
from lstm_ext.engine.interface import TrainResult
from lstm_ext.errors import DataError
from lstm_ext.train import loop as loop_module
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.trainer import Trainer

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


@pytest.mark.slow
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
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)
    second = Trainer.resume(path, backend=backend)
    assert (second.snapshot().step, second.snapshot().saved_step) == (saved_at, saved_at)
    snapshot = second.run(steps=100)
    assert snapshot.step == 100
    assert_same_run(contents(whole, tmp_path), contents(second, tmp_path))


@pytest.mark.parametrize("limits", [{"steps": 40}, {"epochs": 0.5}, {"seconds": 120.0}], ids=str)
@pytest.mark.parametrize("saved_at", [1, 13, 20])
def test_resume_within_a_schedule(
    saved_at: int, limits: dict[str, Any], backend: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same learning rates; where the clock decides, up to its next reading: it is no longer the same one."""
    monkeypatch.setattr(loop_module, "EVERY_STEP_UNTIL", 6)
    monkeypatch.setattr(loop_module, "STRIDE", 7)
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)
    path = str(tmp_path / "run.safetensors")
    whole = make_trainer(backend, replace(CONFIG, schedule="cosine", warmup=5, average=0.1), dropout=0.2)
    used = rates(whole)
    real = whole.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        if arguments[3].first_step == saved_at + 1:
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
    saved = load_checkpoint(path).state
    assert saved.carried.any()
    assert saved.moments[0].any()

    same = Trainer.resume(path, backend=backend)
    assert (same.lr, same.config.checkpoint) == (0.25, path)
    faster = Trainer.resume(path, backend=backend, lr=0.5, checkpoint=None)
    assert (faster.lr, faster.config.checkpoint) == (0.5, None)
    assert contents(faster, tmp_path).carried.tobytes() == saved.carried.tobytes()

    wider = Trainer.resume(path, backend=backend, batch_size=4)
    assert (wider.snapshot().step, wider.snapshot().epoch) == (10, 1.0)
    assert not contents(wider, tmp_path).carried.any()
    assert contents(wider, tmp_path).moments.tobytes() == saved.moments.tobytes()

    adam = Trainer.resume(path, backend=backend, optimizer=OptimizerConfig("adam"))
    assert not contents(adam, tmp_path).moments.any()
    assert contents(adam, tmp_path).carried.tobytes() == saved.carried.tobytes()

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
    resumed = Trainer.resume(path, str(other), backend=backend, checkpoint=None)
    assert (resumed.text.name, resumed.snapshot().step, resumed.snapshot().epoch) == (str(other), 10, 1.0)
    hashes = [load_text(name).sha256[:8] for name in ("hamlet", str(other))]
    told = f"trained on hamlet (hash {hashes[0]}), continuing on {other} (hash {hashes[1]})"
    assert resumed.snapshot().message == told
    assert not contents(resumed, tmp_path).carried.any()
    snapshot = resumed.run(steps=11)
    assert (snapshot.step, snapshot.message) == (11, told)

    # By its characters, not by its name.
    same = tmp_path / "same.txt"
    same.write_bytes(HAMLET.vocabulary.decode(HAMLET.symbols).replace("\n", "\r\n").encode())
    resumed = Trainer.resume(path, str(same), backend=backend)
    assert resumed.snapshot().message == ""
    assert contents(resumed, tmp_path).carried.any()

    other.write_text("To be, or not to be? 42!")
    with pytest.raises(DataError, match=r"character '4' \(U\+0034\) at position 21 .* 45 this model learned"):
        Trainer.resume(path, str(other), backend=backend)
    with pytest.raises(DataError, match="vocabulary"):
        Trainer.resume(path, load_text("hello"), backend=backend)


CHILD = """
import signal, sys
from lstm_ext.data import load_text
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train import trainer
from lstm_ext.train.config import TrainerConfig

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a script's `&` has it ignored
trainer.PROGRESS_SECONDS = 0.001
text = load_text("hamlet")
model = LanguageModel(ModelConfig(45, 6, 45, dropout=0.2), seed=1, backend=sys.argv[1])
config = TrainerConfig(
    seq_length=7, batch_size=3, lr=5e-3, seed=9, eval_every=20, checkpoint=sys.argv[2], checkpoint_every=1e-9,
    warmup=0, average=0.0, reset_every=0, optimizer=OptimizerConfig(),
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
    assert_same_run(contents(whole, tmp_path), contents(resumed, tmp_path))
