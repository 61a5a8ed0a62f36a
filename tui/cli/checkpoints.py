"""Names of checkpoints on the command line, checked before any work is done."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError

SUFFIX = ".safetensors"
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib")


def readable(path: str | None) -> str:
    """``path``, unless it was left out or names a pickle, which would run code when read."""
    if path is None:
        raise UsageError("--checkpoint: missing; expected the .safetensors file that `lstm-lab train` wrote")
    if Path(path).suffix.lower() in PICKLES:
        raise UsageError(
            f"--checkpoint: {path} is a pickle, and reading one runs whatever code is in it; "
            "expected the .safetensors file that `lstm-lab train` writes"
        )
    return path


def writable(path: str) -> str:
    """``path``, if a checkpoint may have that name."""
    if Path(readable(path)).suffix != SUFFIX:
        raise UsageError(f"--checkpoint: got {path!r}, expected a file name that ends in {SUFFIX}")
    return path
