"""Signals in every order, also many at once: the first that ends a run names the status, and a step is never lost."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from .harness import ended, error, finish, moment, saved, train

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OTHER = (signal.SIGTSTP, signal.SIGCONT)


def round(folder: Path, rng: random.Random) -> str:
    process = train(folder, preexec_fn=os.setpgrp)
    moment(process, folder, rng)
    sent = [rng.choice(ENDING + OTHER) for _ in range(rng.randrange(1, 6))] + [rng.choice(ENDING), signal.SIGCONT]
    begin = time.monotonic()
    for number in sent:
        if process.poll() is None:
            os.kill(process.pid, number)
        time.sleep(rng.choice((0.0, 0.0, 0.02, 0.2)))
    status = ended(process)
    took = time.monotonic() - begin
    assert took < 15, f"{took:.0f} s to end"
    ending = {number for number in sent if number in ENDING}
    state, err = saved(folder), error(folder)
    if status == 0:
        assert state is not None and state.step == 3000  # it was over before
        return "over before"
    # Before Python has begun to run our program, a signal has its default effect.
    assert status in {128 + number for number in ending} | {-number for number in ending}, (status, sent, err)
    if status > 0 and "step " in (folder / "out").read_text():
        assert state is not None and state.step > 0
    if state is not None and rng.random() < 0.2:
        finish(folder)
        return "continued to the end, exactly"
    return "stopped"
