"""Few file descriptors: 32 suffice; with fewer, one line says what could not be opened."""

from __future__ import annotations

import random
import resource
from pathlib import Path

from .harness import LAB, ended, error, start


def round(folder: Path, rng: random.Random) -> str:
    limit = 32 if rng.random() < 0.5 else rng.randrange(4, 32)
    for arguments in (
        ["train", "--data", "hello", "--hidden-size", "8", "--steps", "20", "--checkpoint", "m.safetensors"],
        ["generate", "--checkpoint", "m.safetensors", "--length", "20"],
    ):
        process = start(
            [*LAB, *arguments], folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit,) * 2)
        )
        status = ended(process)
        text = (folder / "err").read_text(errors="replace")
        if "lstm-lab" not in text and status == 1:
            assert limit < 16, text  # Python itself could not begin
            return "too few for Python itself"
        error(folder)
        assert status == 0 or (limit < 32 and status == 1 and text.count("\n") == 1), (limit, status, text)
        if status:
            return "refused in one line"
    return "sufficed"
