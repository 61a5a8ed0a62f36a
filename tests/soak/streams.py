"""Streams that are closed or full, in any combination: no traceback, and lost output is told."""

from __future__ import annotations

import random
from pathlib import Path

from .harness import LAB, SETTINGS, ended, error, start

COMMANDS = [
    "--help",
    "--version",
    "train --help",
    f"train {' '.join(SETTINGS)} --steps 50 --checkpoint m.safetensors",
    f"train {' '.join(SETTINGS)} --steps 50 --checkpoint m.safetensors --json",
    "step hello",
    "experiment --list",
    "completion fish",
    "generate --checkpoint missing.safetensors",
]


def round(folder: Path, rng: random.Random) -> str:
    command, out = rng.choice(COMMANDS), rng.choice(("", ">&-", ">/dev/full"))
    others = rng.choice(("", "<&-")), rng.choice(("", "2>&-"))
    line = f"exec {' '.join(LAB)} {command} {out} {' '.join(others)}"
    process = start(["sh", "-c", line], folder)
    status = ended(process)
    text = error(folder)
    expected = 1 if out == ">/dev/full" or "missing" in command else 0
    assert status == expected, (line, status, text)
    assert not expected or "2>&-" in others or "lstm-lab: error: " in text, (line, text)
    return f"with status {status}"
