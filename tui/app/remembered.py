"""What the lab was left with: the theme, the text and the network, for the next start."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from platformdirs import user_state_path

from lstm_ext.data import BUILTIN
from lstm_ext.errors import ArgumentError
from lstm_ext.files import write_atomically
from lstm_ext.train.run_config import NETWORK_OPTIONS, RunConfig
from lstm_ext.train.trainer import Trainer


def remembered_path() -> Path:
    """On Linux ~/.local/state/lstm-lab/last.json."""
    return user_state_path("lstm-lab", appauthor=False) / "last.json"


@dataclass(frozen=True)
class Remembered:
    """Nothing, where there is nothing to be remembered. How the network was trained is not: only what it is."""

    theme: str = ""
    #: A built-in text or an absolute path.
    data: str = ""
    encoding: str = "utf-8"
    #: By the names of ``RunConfig.options``.
    network: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None = None) -> Remembered:
        """From the file, which may be missing, unreadable or older: what makes no sense is left out."""
        try:
            found = json.loads((path or remembered_path()).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return cls()
        if not isinstance(found, dict):
            return cls()
        words = {name: found[name] for name in ("theme", "data", "encoding") if isinstance(found.get(name), str)}
        network = found.get("network")
        options = network if isinstance(network, dict) else {}
        options = {name: options[name] for name in NETWORK_OPTIONS if name in options}
        try:
            RunConfig.from_options(options)
        except ArgumentError:
            options = {}
        return cls(**words, network=options)

    @classmethod
    def of(cls, trainer: Trainer) -> Remembered:
        """The text and the network of a run; a text that is no file is not remembered."""
        name, options = trainer.text.name, RunConfig.of(trainer).options()
        path = name if name in BUILTIN else os.path.abspath(name)
        known = name in BUILTIN or os.path.isfile(path)
        network = {option: options[option] for option in NETWORK_OPTIONS}
        return cls(data=path if known else "", encoding=trainer.text.encoding, network=network)

    def write(self, path: Path | None = None) -> None:
        """Into the file, which only this user can read. Where that is not possible, the lab ends all the same."""
        path = path or remembered_path()
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(path, json.dumps(asdict(self)) + "\n", mode=0o600)
