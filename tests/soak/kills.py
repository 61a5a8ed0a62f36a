"""SIGKILL. A checkpoint is whole, and the run continues from it exactly."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from .harness import CHECKPOINT, ended, error, finish, moment, saved, train

#: Only every so many rounds a killed run is continued to its end, because that takes longest.
FINISH = 0.2


def round(folder: Path, rng: random.Random, run: Any = train) -> str:
    begun = -1
    for _ in range(1 + (rng.random() < 0.3)):
        process = run(folder)
        moment(process, folder, rng)
        process.kill()
        status = ended(process)
        assert status in (-9, 0), (status, error(folder))
        state = saved(folder)
        assert state is None or state.step >= begun  # never back
        begun = -1 if state is None else state.step
    if begun < 0:
        assert not (folder / CHECKPOINT).exists()
        return "before the first checkpoint"
    if rng.random() < FINISH:
        finish(folder, run)
        return "continued to the end, exactly"
    process = run(folder)  # it is continued, at least
    moment(process, folder, rng)
    process.kill()
    ended(process)
    after = saved(folder)
    assert after is not None and after.step >= begun
    return "continued"
