"""SIGKILL, to a script."""

from __future__ import annotations

import random
from pathlib import Path

from . import kills
from .harness import script


def round(folder: Path, rng: random.Random) -> str:
    return kills.round(folder, rng, script)
