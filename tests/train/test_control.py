"""What other threads may ask of a run."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runs import CONFIG, TIMEOUT, Clock, Engine, Gate, assert_same_run, contents, counting, join, make_trainer

from lstm_ext.data import Text
from lstm_ext.engine.interface import TrainResult
from lstm_ext.errors import StateError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train import loop as loop_module
from lstm_ext.train import trainer as trainer_module
from lstm_ext.train.checkpoint import load_checkpoint


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
    assert_same_run(load_checkpoint(path).state, contents(whole, tmp_path))


def test_stop_does_not_wait_for_the_chunk(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of very many steps ends after the current one."""
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 1e9)
    text = Text.from_string("ab" * 100_000)
    trainer = make_trainer(backend, replace(CONFIG, seq_length=2, batch_size=1, eval_every=10**9, validation=0), text)
    trainer.run(steps=1)
    monkeypatch.setattr(loop_module, "CHUNK_STEPS", 10**9)
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
