"""A run from the outside: how it ends, what it saves, what it tells."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import CONFIG, HAMLET, TIMEOUT, Clock, Engine, Gate, assert_same_run, contents, join, make_trainer

from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import TrainResult
from lstm_ext.errors import CheckpointError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train import loop as loop_module
from lstm_ext.train import trainer as trainer_module
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from lstm_ext.train.evaluation import evaluate
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer


def test_a_model_of_another_alphabet(backend: str) -> None:
    with pytest.raises(ValueError, match="expected the text's 45 symbols"):
        Trainer(LanguageModel(ModelConfig(44, 3, 44), backend=backend), HAMLET)


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
        np.testing.assert_array_equal(saved.kept_weights, good)
        np.testing.assert_array_equal(trained.best_model().parameters, good)
        np.testing.assert_array_equal(saved.parameters, trained.model.parameters)
    assert resumed.snapshot().best_step == 40
    # Something else to validate on: what was best there is not best here.
    other = Trainer.resume(path, backend=backend, validation=0.2, lr=1e-3, checkpoint=None)
    assert (other.snapshot().best_val, contents(other, tmp_path).kept) == (None, "last")
    assert other.run(steps=120).best_step == 120


def test_the_best_model_is_the_average_where_that_is_evaluated(backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend, replace(CONFIG, average=0.2))
    np.testing.assert_array_equal(trainer.best_model().parameters, trainer.model.parameters)
    trainer.run(steps=20)
    trainer.lr = 3.0
    snapshot = trainer.run(steps=45)
    assert trainer.split.validation is not None
    assert snapshot.best_step == 20
    best = trainer.best_model()
    assert evaluate(best, trainer.split.validation).nats == snapshot.best_val
    assert evaluate(trainer.model, trainer.split.validation).nats > evaluate(best, trainer.split.validation).nats
    best.parameters[...] = 0.0  # a network of its own
    assert contents(trainer, tmp_path).kept_weights.any()
    unvalidated = make_trainer(backend, replace(CONFIG, average=0.2, validation=0.0))
    unvalidated.run(steps=9)
    average = contents(unvalidated, tmp_path).average
    assert average is not None
    np.testing.assert_array_equal(unvalidated.best_model().parameters, average)


def test_the_best_model_of_a_run_that_is_on(backend: str) -> None:
    trainer = make_trainer(backend)
    trainer.run(steps=20)
    best = trainer.model.parameters.copy()
    trainer.start(paused=True)
    np.testing.assert_array_equal(trainer.best_model().parameters, best)
    trainer.stop(wait=True)


def test_no_steps(backend: str) -> None:
    snapshot = make_trainer(backend).run(steps=0)
    assert (snapshot.status, snapshot.step, snapshot.epoch, snapshot.val_loss) == ("finished", 0, 0.0, None)
    assert all(math.isnan(value) for value in (snapshot.loss, snapshot.smoothed, snapshot.grad_norm))
    assert snapshot.chars_per_second == 0.0


def test_it_can_continue_after_the_end(backend: str, tmp_path: Path) -> None:
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
    assert_same_run(load_checkpoint(path).state, contents(trainer, tmp_path))


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
    before = load_checkpoint(path).state
    trainer.model.parameters[3] = math.nan
    weights = trainer.model.parameters.copy()
    snapshot = trainer.run(steps=60)
    assert (snapshot.status, snapshot.step) == ("failed", 30)
    assert snapshot.message == (
        "training failed: the loss was no longer a finite number at step 31; the weights are those from before it. "
        "Try a learning rate below 0.005, or clip gradients (clip_norm 5)"
    )
    np.testing.assert_array_equal(trainer.model.parameters, weights)
    assert_same_run(load_checkpoint(path).state, before)
    with pytest.raises(CheckpointError, match="NaN"):
        trainer.save(path)
    assert_same_run(load_checkpoint(path).state, before)
    trainer.model.load(before.parameters)
    assert trainer.run(steps=60).status == "finished"
    assert trainer.snapshot().message == ""


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


def test_checkpoints_come_every_so_many_seconds(
    clock: Clock, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path, checkpoint_every=4.0, validation=0.0))
    saved: list[tuple[int, float]] = []

    def save(checkpoint: Checkpoint, path: str) -> None:
        saved.append((checkpoint.state.step, checkpoint.state.seconds))
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
    failed = f"{path}: cannot be written: no space left on the disk; the last checkpoint is "
    assert snapshot.message == f"{failed}still that of step 30"
    assert Path(path).read_bytes() == good
    assert os.listdir(tmp_path) == ["run.safetensors"]
    full = False
    snapshot = trainer.run(steps=61)
    assert (snapshot.message, snapshot.saved_step) == ("", 61)
    full = True
    Path(path).unlink()
    assert trainer.run(steps=70).message == f"{failed}gone"
    Path(path).write_bytes(good)  # somebody else's
    assert trainer.run(steps=80).message == f"{failed}gone"


def test_a_destination_that_cannot_be_is_refused_at_once(backend: str, tmp_path: Path) -> None:
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=str(tmp_path / "missing" / "run.safetensors")))
    with pytest.raises(CheckpointError, match="there is no directory"):
        trainer.run(steps=1)
    assert (trainer.snapshot().status, trainer.snapshot().step) == ("ready", 0)


def test_speed_and_time(clock: Clock, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)
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
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)
    snapshot = make_trainer(backend, replace(CONFIG, validation=0.0)).run(seconds=28.0)
    assert (snapshot.step, snapshot.seconds, snapshot.total_seconds) == (10, 31.0, 28.0)


def test_a_snapshot_stays_as_it_is(backend: str) -> None:
    trainer = make_trainer(backend)
    first = trainer.run(steps=30)
    step, loss = first.step, first.history.loss.copy()
    trainer.run(steps=60)
    assert first.step == step
    np.testing.assert_array_equal(first.history.loss, loss)
    with pytest.raises(AttributeError):
        first.step = 3  # type: ignore[misc]


RIVAL = """
import sys
from lstm_ext.errors import CheckpointError
from lstm_ext.lock import locked

try:
    with locked(sys.argv[1]):
        print("free", flush=True)
        sys.stdin.read()
except CheckpointError as error:
    print(error)
"""


def test_another_process_cannot_write_the_checkpoint_during_a_run(backend: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.safetensors")
    trainer = make_trainer(backend, replace(CONFIG, checkpoint=path))
    told: list[str] = []

    def ask() -> None:
        command = [sys.executable, "-c", RIVAL, path]
        told.append(subprocess.run(command, input="", capture_output=True, text=True, check=True).stdout)

    gate = Gate(trainer)
    trainer.start(steps=20)
    assert gate.entered.wait(TIMEOUT)
    ask()
    gate.opened.set()
    trainer.stop(wait=True)
    ask()
    assert f"{path}: process {os.getpid()} on " in told[0] and told[1] == "free\n"

    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", RIVAL, path], stdin=pipe, stdout=pipe, text=True) as rival:
        assert rival.stdout is not None and rival.stdout.readline() == "free\n"
        for attempt in (lambda: trainer.run(steps=40), lambda: trainer.save(path)):
            with pytest.raises(CheckpointError, match=f"process {rival.pid} on .* is writing this file"):
                attempt()
        assert not trainer.running
        rival.communicate("")
    assert trainer.run(steps=40).saved_step == 40


def test_changed_weights_are_those_of_the_network_and_of_the_average(backend: str, tmp_path: Path) -> None:
    for average in (0.2, 0.0):
        trainer = make_trainer(backend, replace(CONFIG, average=average, validation=0.0))
        trainer.run(steps=9)
        before = contents(trainer, tmp_path)
        trainer.change_weights(lambda model: model.weights()["output.W"].__imul__(0.5)).result()
        after = contents(trainer, tmp_path)
        for flat, changed in ((before.parameters, after.parameters), (before.average, after.average)):
            assert (flat is None) == (changed is None) == (average == 0.0 and flat is before.average)
            if flat is None or changed is None:
                continue
            views = trainer.model.config.parameter_views(flat)
            views["output.W"][...] *= 0.5
            np.testing.assert_array_equal(changed, flat)
        np.testing.assert_array_equal(after.moments, before.moments)
        assert trainer.run(steps=12).step == 12
