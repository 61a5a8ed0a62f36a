"""What can be done with a run's file: each refuses while another process is writing it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from lstm_ext.errors import ArgumentError, CheckpointError
from lstm_ext.lock import locked
from lstm_ext.tensors import SUFFIX, checkpoint_path

from .known import Run
from .registry import Registry


def rename(run: Run, name: str, registry: Registry) -> str:
    """Give a run's file, and the earlier ones of its name, another name in the same folder; returns the new path.

    Nothing is replaced. Raises ArgumentError for what is no name of a checkpoint, CheckpointError, OSError.
    """
    if os.path.basename(name) != name:
        raise ArgumentError(f"name: got {name!r}, expected the name of a file, without a folder")
    new = os.path.join(os.path.dirname(run.path), checkpoint_path(name).removesuffix(SUFFIX) + SUFFIX)
    if os.path.lexists(new):
        raise CheckpointError(f"{new}: is there already; choose another name")
    with locked(run.path), locked(new):
        os.rename(run.path, new)
    registry.rename_run(run.path, new)
    for earlier in run.earlier:
        number = re.search(r"\.old-\d+$", earlier.name)
        moved = new.removesuffix(SUFFIX) + (number[0] if number else "") + SUFFIX
        with contextlib.suppress(OSError, CheckpointError), locked(earlier.path):
            if not os.path.lexists(moved):
                os.rename(earlier.path, moved)
    return new


def forget_gone(runs: Iterable[Run], registry: Registry) -> int:
    """Forget all of ``runs`` whose files are gone; returns how many there were."""
    gone = [run for run in runs if run.gone]
    for run in gone:
        registry.forget_run(run.path)
    return len(gone)


def delete(run: Run, registry: Registry) -> None:
    """Remove a run's file for good; earlier ones stay. One that is gone already is forgotten.

    Raises CheckpointError, OSError.
    """
    if not run.gone:
        with locked(run.path):
            os.unlink(run.path)
            if run.kind == "unsaved":  # beside it lies where its text is to be read
                with contextlib.suppress(OSError):
                    Path(run.path).with_suffix(".folder").unlink()
    registry.forget_run(run.path)
