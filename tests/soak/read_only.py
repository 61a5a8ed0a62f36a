"""The folder is read-only for a while."""

from __future__ import annotations

import ctypes
import os
import random
import time
from pathlib import Path

from .full_disk import trained
from .harness import STEPS, ended, error, finish, saved, train


def _as_others() -> None:
    """Permissions hold for root, too, in the program that is started next (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def round(folder: Path, rng: random.Random) -> str:
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        home = folder / "home"
        home.mkdir()
        process = train(home, stdout=out, stderr=err, preexec_fn=_as_others)
        trained(home, rng.randrange(1, 1500))
        home.chmod(0o500)
        if rng.random() < 0.3:  # and writable again in time
            time.sleep(rng.uniform(0.0, 0.5))
            home.chmod(0o700)
        status, text, state = ended(process), error(folder), saved(home)
        home.chmod(0o700)
        assert state is not None
        if status == 0:
            assert state.step == STEPS
            return "over before or in time"
        assert status == 1 and "cannot be written: " in text, (status, text)
        assert f"the last checkpoint is still that of step {state.step:,}" in text, (state.step, text)
        finish(home)
        return "continued exactly"
