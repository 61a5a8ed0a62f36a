"""The disk is full for a while: training goes on, says so, and saves again as soon as there is room."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .harness import CHECKPOINT, STEPS, TIMEOUT, ended, error, finish, saved, train


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of 2 MB; None where this user can mount none."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "soak", disk], capture_output=True).returncode
    try:
        yield disk if mounted == 0 else None
    finally:
        if mounted == 0:
            subprocess.run(["umount", "--lazy", disk], check=True)


def trained(folder: Path, steps: int) -> None:
    """Until the checkpoint is that of so many steps."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        state = saved(folder)
        if state is not None and state.step >= steps:
            return
        time.sleep(0.01)
    raise AssertionError(f"not at step {steps} after {TIMEOUT} s")


def round(folder: Path, rng: random.Random) -> str:
    with small_disk(folder) as disk, open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        home = disk or folder
        process = train(home, stdout=out, stderr=err)
        trained(home, rng.randrange(1, 1500))
        if disk is None:  # the nearest that there is without a disk of one's own
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        else:
            with suppress(OSError), open(disk / "ballast", "wb", buffering=0) as ballast:
                while True:
                    ballast.write(b"x" * 4096)
        if rng.random() < 0.5:  # there is room again in time
            time.sleep(rng.uniform(0.0, 0.5))
            if disk is None:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            else:
                os.unlink(disk / "ballast")
        status, text = ended(process), error(folder)
        state = saved(home)
        assert state is not None
        if status == 0:
            assert state.step == STEPS
            return "over before or in time"
        assert status == 1 and 0 < state.step < STEPS, (status, text)
        assert "cannot be written: " in text and f"the last checkpoint is still that of step {state.step:,}" in text
        if disk is not None:
            os.unlink(disk / "ballast")
        finish(home)
        assert CHECKPOINT in os.listdir(home)
        return f"continued exactly, {'on a small disk' if disk else 'by RLIMIT_FSIZE'}"
