"""A run that is interrupted in many ways, by the command line or by a script, and the same run left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runs import assert_same_run

from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.state import RunState

LAB = [sys.executable, "-m", "lstm_lab"]
#: What the programs remember is not the user's.
STATE = TemporaryDirectory(prefix="lstm-lab-state-")
ENV = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "XDG_STATE_HOME": STATE.name}
#: No process needs longer, on a busy machine either; one that does hangs.
TIMEOUT = 120
CHECKPOINT = "run.safetensors"
STEPS = 3000
#: About three seconds of training, with a checkpoint fifty times a second.
SETTINGS = ["--data", "hamlet", "--hidden-size", "48", "--seq-length", "20", "--batch-size", "8", "--eval-every", "100"]
TRAIN = ["train", *SETTINGS, "--steps", str(STEPS), "--checkpoint", CHECKPOINT, "--checkpoint-every", "0.02"]
#: The same by the library: continues what is there, or begins.
SCRIPT = f"""
import os
from lstm_ext.data import load_text
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.trainer import Trainer
path = {CHECKPOINT!r}
if os.path.exists(path):
    trainer = Trainer.resume(path, "hamlet", checkpoint_every=0.02)
else:
    settings = dict(hidden_size=48, seq_length=20, batch_size=8, eval_every=100, checkpoint_every=0.02)
    trainer = RunConfig.from_options(settings).trainer(load_text("hamlet"))
    trainer.config = __import__("dataclasses").replace(trainer.config, checkpoint=path)
print("begun", flush=True)
trainer.run(steps={STEPS})
"""


def start(command: Sequence[object], folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """In ``folder``, with its output in files there, ``out`` and ``err``."""
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, **options}
        return subprocess.Popen([*map(str, command)], cwd=folder, env=ENV, **streams)


def train(folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """The command line's run, begun or continued."""
    resume = ["--resume"] if (folder / CHECKPOINT).exists() else []
    return start([*LAB, *TRAIN, *resume], folder, **options)


def script(folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """The library's run, begun or continued."""
    return start([sys.executable, "-c", SCRIPT], folder, **options)


def moment(process: subprocess.Popen[bytes], folder: Path, rng: random.Random) -> None:
    """Let a random moment pass: mostly one of training, some while the program starts or ends."""
    if rng.random() < 0.85:
        end = time.monotonic() + TIMEOUT
        while process.poll() is None and not (folder / "out").stat().st_size and time.monotonic() < end:
            time.sleep(0.005)
    time.sleep(rng.uniform(0.0, 0.8))


def ended(process: subprocess.Popen[bytes], seconds: float = TIMEOUT) -> int:
    """The exit status; a process that does not end is killed, and an AssertionError."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        raise AssertionError(f"still alive after {seconds} s") from None


def saved(folder: Path) -> RunState | None:
    """What the checkpoint holds, which has to be whole wherever there is one."""
    path = folder / CHECKPOINT
    return load_checkpoint(str(path)).state if path.exists() else None


def error(folder: Path) -> str:
    """What standard error got: no traceback, ever."""
    text = (folder / "err").read_text(errors="replace")
    assert "Traceback" not in text and "panicked" not in text, text
    return text


def finish(folder: Path, run: Any = train) -> None:
    """Continue to the end: it has to be what it would have been without any trouble, and nothing may lie about."""
    process = run(folder)
    status = ended(process)
    assert status == 0, (status, error(folder))
    state = saved(folder)
    assert state is not None and state.step == STEPS
    assert_same_run(state, in_peace(run))
    assert not list(folder.glob(".*.tmp"))


@lru_cache
def in_peace(run: Any) -> RunState:
    """The state after the last step of a run that nobody disturbed."""
    with TemporaryDirectory(prefix="soak-") as folder:
        status = ended(run(Path(folder)))
        assert status == 0, (status, (Path(folder) / "err").read_text())
        state = saved(Path(folder))
    assert state is not None
    return state
