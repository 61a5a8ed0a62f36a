"""A pipe that nobody reads: training goes on behind it, and a signal ends the program all the same."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from pathlib import Path

from .full_disk import trained
from .harness import ended, error, saved, train


def round(folder: Path, rng: random.Random) -> str:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    os.write(writer, b"x" * rng.randrange(0, 3000))  # it is full sooner or later
    os.set_blocking(writer, True)
    process = train(folder, stdout=writer)
    os.close(writer)
    trained(folder, rng.randrange(1, 2000))
    number = rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    begin = time.monotonic()
    process.send_signal(number)
    status, took = ended(process, 30), time.monotonic() - begin
    os.close(reader)
    error(folder)
    state = saved(folder)
    assert status in (0, 128 + number) and took < 15, (status, took)
    assert state is not None and state.step > 0
    return "ended"
