"""Where what experiments measured is kept."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_state_path

from lstm_ext.experiments.records import Record, past, published


def run_directory() -> Path:
    """Of finished runs: on Linux ~/.local/state/lstm-lab/experiments."""
    return user_state_path("lstm-lab", appauthor=False) / "experiments"


def outcome_directory() -> Path:
    """Of finished experiments: on Linux ~/.local/state/lstm-lab/outcomes."""
    return user_state_path("lstm-lab", appauthor=False) / "outcomes"


def outcomes(name: str) -> list[Record]:
    """The outcomes of an experiment: this user's, the newest first, then the one that comes with the package."""
    own = published(name)
    return [*past(outcome_directory(), name), *([own] if own is not None else [])]
