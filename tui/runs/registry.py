"""What the lab remembers of the user's files: checkpoints that were written or opened, and texts that were learned, the
last ones first. One JSON file in the user's state folder, shared by all labs and commands.

Nothing depends on it: where it cannot be read or written, nothing is remembered, and nothing fails.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from lstm_ext.data import BUILTIN
from lstm_ext.errors import CheckpointError
from lstm_ext.files import write_atomically
from lstm_ext.lock import waiting

FORMAT = "lstm-lab runs 1"
#: How many checkpoints and texts are remembered; the oldest are forgotten.
RUNS, TEXTS = 200, 20
#: A file larger than this is not ours.
_BYTES = 1 << 20


@dataclass(frozen=True)
class KnownText:
    """A text that was learned: a built-in one's name or an absolute path."""

    name: str
    encoding: str = "utf-8"


class Registry:
    """The file. Every question reads it and every change writes it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_state_path("lstm-lab", appauthor=False) / "runs.json"

    def runs(self) -> list[str]:
        """Absolute paths of checkpoints, the last used first; some may be gone."""
        return self._read()["runs"]

    def texts(self) -> list[KnownText]:
        """The texts, the last used first; some may be gone."""
        return [KnownText(**entry) for entry in self._read()["texts"]]

    def remember_run(self, path: str) -> None:
        """The checkpoint at ``path`` was written or opened."""
        with contextlib.suppress(OSError):  # the current folder is gone
            self._put("runs", os.path.abspath(path), RUNS)

    def remember_text(self, name: str, encoding: str = "utf-8") -> None:
        """The text was learned."""
        with contextlib.suppress(OSError):
            self._put("texts", asdict(KnownText(name if name in BUILTIN else os.path.abspath(name), encoding)), TEXTS)

    def forget_run(self, path: str) -> None:
        """The checkpoint at ``path`` is of no interest any more."""
        self._change("runs", lambda known: [entry for entry in known if entry != os.path.abspath(path)])

    def rename_run(self, path: str, new: str) -> None:
        """The checkpoint at ``path`` is now at ``new``."""
        names = {os.path.abspath(path): os.path.abspath(new)}
        self._change("runs", lambda known: list(dict.fromkeys(names.get(entry, entry) for entry in known)))

    def _put(self, kind: str, entry: Any, most: int) -> None:
        """Put ``entry`` first; a file that says so already is left as it is."""
        if next(iter(self._read()[kind]), None) != entry:
            self._change(kind, lambda known: [entry, *(other for other in known if other != entry)][:most])

    def _change(self, kind: str, change: Any) -> None:
        with contextlib.suppress(OSError, CheckpointError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with waiting(self.path, 1.0):
                state = self._read()
                state[kind] = change(state[kind])
                content = json.dumps({"format": FORMAT, **state}, indent=1) + "\n"
                write_atomically(self.path, content, mode=0o600)

    def _read(self) -> dict[str, list[Any]]:
        """What the file says that makes sense."""
        found: Any = None
        with contextlib.suppress(OSError, ValueError, RecursionError):
            with self.path.open("rb") as file:
                content = file.read(_BYTES)
            found = json.loads(content)
        if not isinstance(found, dict):
            found = {}
        return {
            "runs": [path for path in _list(found, "runs") if isinstance(path, str) and _is_path(path)][:RUNS],
            "texts": [entry for entry in _list(found, "texts") if _is_text(entry)][:TEXTS],
        }


def _list(found: Mapping[str, Any], name: str) -> Sequence[Any]:
    entries = found.get(name)
    return entries if isinstance(entries, list) else []


def _is_path(name: str) -> bool:
    return os.path.isabs(name) and "\0" not in name


def _is_text(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() == {"name", "encoding"}
        and all(isinstance(value, str) for value in entry.values())
        and (entry["name"] in BUILTIN or _is_path(entry["name"]))
    )
