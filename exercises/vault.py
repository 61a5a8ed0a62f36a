"""What must not lie in clear text beside the learner: solutions, mutants, answers.

In the sources they are the files of an exercise's folder ``private/``. A build packs them into ``private.bin``
(:func:`pack`, called by setup.py); what only proves the course, ``private/ways/``, stays behind.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

_MAGIC = b"lstm-lab private 1\n"


def pack(folder: Path) -> bytes:
    """The files directly in ``folder`` as one compressed block."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}
    return _MAGIC + zlib.compress(json.dumps(files).encode(), 9)


def read_private(exercise_folder: Path, name: str) -> str | None:
    """The text of the private file ``name`` of an exercise; None if it has no such file."""
    source = exercise_folder / "private" / name
    if source.parent.is_dir():
        return source.read_text(encoding="utf-8") if source.is_file() else None
    packed = (exercise_folder / "private.bin").read_bytes()
    if not packed.startswith(_MAGIC):
        raise RuntimeError(f"{exercise_folder.name}: private.bin is damaged; install lstm-lab again")
    files: dict[str, str] = json.loads(zlib.decompress(packed[len(_MAGIC) :]))
    return files.get(name)
