"""Little memory: one line, or it suffices."""

from __future__ import annotations

import random
import resource
from pathlib import Path

from .harness import LAB, ended, error, start


def round(folder: Path, rng: random.Random) -> str:
    limit = rng.randrange(20, 600) * 10**6
    size = rng.choice(("16", "512", "1024"))
    for arguments in (
        ["train", "--data", "hello", "--hidden-size", size, "--steps", "2", "--quiet", "--checkpoint", "m.safetensors"],
        ["generate", "--checkpoint", "m.safetensors", "--length", "3"],
    ):
        process = start(
            [*LAB, *arguments], folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit,) * 2)
        )
        status, text = ended(process), (folder / "err").read_text(errors="replace")
        if status and "lstm-lab" not in text:
            assert limit < 60 * 10**6, (limit, status, text)
            return "too little for Python itself"
        error(folder)
        assert status == 0 or (status == 1 and text.count("\n") == 1 and "memory" in text), (limit, status, text)
        if status:
            assert not list(folder.glob(".*.tmp"))
            return "refused in one line"
    return "sufficed"
