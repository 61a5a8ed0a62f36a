"""Real signals while a script trains, on every Python of this machine: what was learned is in the checkpoint."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pythons import environment, pythons
from runs import TIMEOUT

from lstm_ext.train import suspension as suspension_module
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.suspension import GAP_SECONDS, TICK_SECONDS, Suspension

#: A run that says which step it has done, and waits there until its input ends; it also says when a signal has come.
SCRIPT = """
import os, signal, sys
from lstm_ext.data import load_text
from lstm_ext.engine.config import ModelConfig
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.trainer import Trainer

text = load_text("hamlet")
size = len(text.vocabulary)
config = TrainerConfig(seq_length=7, batch_size=3, checkpoint="run.safetensors")
trainer = Trainer(LanguageModel(ModelConfig(size, 6, size), seed=1), text, config)
trainer.run(steps=5)

class Held:
    def __init__(self, real):
        self.real = real
    def __getattr__(self, name):
        return getattr(self.real, name)
    def train(self, *arguments):
        result = self.real.train(*arguments)
        print(arguments[3].first_step + result.done - 1, flush=True)
        sys.stdin.readline()
        return result

def handler(number, frame):
    os.write(1, b"signal\\n")
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, handler)
trainer.model.engine = Held(trainer.model.engine)
trainer.run(steps=10**9)
"""
#: The same, as scripts are: no handler, no progress.
PLAIN = SCRIPT.replace("signal.signal(signal.SIGINT, handler)", "")


@contextmanager
def running(python: str, script: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [pythons()[python], "-c", script],
        cwd=folder,
        env=environment(folder),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def saved_step(folder: Path) -> int:
    return load_checkpoint(str(folder / "run.safetensors")).state.step


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("times", [1, 2, 5])
def test_however_often_ctrl_c_is_pressed_the_step_is_done_and_saved(python: str, times: int, tmp_path: Path) -> None:
    with running(python, SCRIPT, tmp_path) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "signal\n"
        out, err = process.communicate(timeout=TIMEOUT)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
    assert saved_step(tmp_path) == int((first + out).split()[-1]) > 5


@pytest.mark.parametrize("python", pythons())
def test_ctrl_c_at_any_moment(python: str, tmp_path: Path) -> None:
    """No handler of ours, and no telling where in its waiting the script is."""
    with running(python, PLAIN, tmp_path) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        for _ in range(5):
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=TIMEOUT)
    assert saved_step(tmp_path) == int((first + out).split()[-1]) > 5


#: Ctrl-C while a thread is being started: Thread.start waits until it runs.
WHILE_STARTING = """
import threading
start = threading.Thread.start
def interrupted(thread):
    start(thread)
    if thread.name == NAME:
        raise KeyboardInterrupt
threading.Thread.start = interrupted
trainer.run(steps=10**9)
"""


@pytest.mark.parametrize("name", ["trainer", "trainer's watch"])
def test_ctrl_c_while_the_run_begins(name: str, tmp_path: Path) -> None:
    program = WHILE_STARTING.replace("NAME", repr(name))
    with running(next(iter(pythons())), PLAIN.replace("trainer.run(steps=10**9)", program), tmp_path) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert saved_step(tmp_path) == int((out.split() or ["5"])[-1])


@pytest.mark.parametrize("python", pythons())
def test_the_end_of_the_script_ends_training_in_the_background(python: str, tmp_path: Path) -> None:
    script = PLAIN.replace("trainer.run(steps=10**9)", "trainer.start()")
    with running(python, script, tmp_path) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, "")
    assert saved_step(tmp_path) == int((first + out).split()[-1]) > 5


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_gap_between_ticks_is_no_time_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(suspension_module, "time", clock)
    suspension = Suspension()
    for _ in range(40):  # a long step
        clock.now += TICK_SECONDS
        assert suspension.seconds() == 0.0
    clock.now += 3600.0
    assert suspension.seconds() == 3600.0 - TICK_SECONDS
    clock.now += GAP_SECONDS
    assert suspension.seconds() == 3600.0 - TICK_SECONDS
