"""Ctrl-C again and again in a script: the step is done and saved, whatever the Python."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from .harness import ended, finish, moment, saved, script


def round(folder: Path, rng: random.Random) -> str:
    process = script(folder)
    moment(process, folder, rng)
    begun = (folder / "out").stat().st_size > 0
    before = saved(folder)
    for _ in range(rng.randrange(1, 8)):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        time.sleep(rng.choice((0.0, 0.0, 0.02, 0.15)))
    status = ended(process)
    state = saved(folder)
    if not begun:
        return "before training"
    assert status in (-signal.SIGINT, 1, 0), status
    assert before is None or (state is not None and state.step >= before.step)
    err = (folder / "err").read_text()
    assert status == 0 or "KeyboardInterrupt" in err, err
    if state is not None and rng.random() < 0.2:
        finish(folder, script)
        return "continued to the end, exactly"
    return "stopped"
