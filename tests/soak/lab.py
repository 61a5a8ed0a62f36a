"""The lab in its terminal: cut off at random moments, again and again, and continued from what it kept."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
from app.terminal import Terminal

from lstm_ext.data import load_text
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.state import RunState

SETTINGS = {"hidden_size": 8, "batch_size": 2, "threads": 1}
LAB = ["lab", "--data", "hamlet", *(f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items())]
#: Keeps whatever was learned, and twenty times a second.
PROGRAM = """
import sys
from lstm_lab.app import recovery, session
from lstm_lab.cli.main import main
session.UNNOTICED_SECONDS, recovery.SECONDS = 0.0, 0.05
sys.exit(main())
"""
OFFER = b"Training that was not saved"
#: Seconds in which a lab has to be gone.
GONE = 20.0
ENDS = {"SIGKILL": -9, "SIGTERM": 143, "SIGHUP": 129, "two SIGINT": 130, "hang-up": 129, "stuck": 143}


def kept(folder: Path) -> RunState | None:
    """What the next lab would offer, which has to be whole."""
    paths = [path for path in (folder / "lstm-lab" / "recovery").glob("*.safetensors") if path.stat().st_size]
    assert len(paths) <= 1, paths
    return load_checkpoint(str(paths[0])).state if paths else None


def cut_off(folder: Path, rng: random.Random, end: str) -> bool:
    """Start a lab, continue what there is, and end it at a random moment; returns whether it was learning by then."""
    terminal = Terminal(
        *LAB, program=("-c", PROGRAM), XDG_STATE_HOME=str(folder), XDG_CONFIG_HOME=str(folder), OPENBLAS_NUM_THREADS="1"
    )
    try:
        if kept(folder) is not None:
            terminal.until(lambda: OFFER in terminal.output)
            terminal.press("\r")
        if rng.random() < 0.9:
            terminal.until(lambda: b"learning" in terminal.output)
        learning = b"learning" in terminal.output
        until = time.monotonic() + rng.uniform(0.0, 1.5)
        while time.monotonic() < until:
            if end != "stuck":
                terminal.read()
            else:
                time.sleep(0.05)
        begin = time.monotonic()
        if end == "hang-up":
            terminal.hang_up()
        else:
            os.kill(terminal.pid, getattr(signal, end, signal.SIGINT if "INT" in end else signal.SIGTERM))
            if end == "two SIGINT":
                time.sleep(0.02)
                os.kill(terminal.pid, signal.SIGINT)
        reads = end not in ("hang-up", "stuck")
        status = terminal.code() if reads else os.waitstatus_to_exitcode(terminal.wait())
        assert time.monotonic() - begin < GONE
        assert not learning or status == ENDS[end], (status, terminal.output[-500:])
        assert b"Traceback" not in terminal.output
        return learning
    finally:
        terminal.close()


def round(folder: Path, rng: random.Random) -> str:
    step = 0
    for end in rng.choices(list(ENDS), k=rng.randrange(1, 4)):
        learning = cut_off(folder, rng, end)
        state = kept(folder)
        if state is None:
            assert step == 0 and (end == "SIGKILL" or not learning), end
        else:
            assert state.step >= step  # never back
            step = state.step
    if state is None:
        return "before the first step was kept"
    peace = RunConfig.from_options(SETTINGS).trainer(load_text("hamlet"))
    peace.run(steps=state.step)
    weights: np.ndarray = peace.submit(lambda model: model.parameters.copy()).result()
    np.testing.assert_array_equal(state.parameters, weights)
    return "kept, with the weights of a run left in peace"
