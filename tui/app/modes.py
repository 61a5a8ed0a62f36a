"""The lab's screens, in the order of their keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """A screen: its key, the name of its mode, which is its module's too, and its title."""

    key: str
    id: str
    title: str


MODES = (
    Mode("1", "train", "Train"),
    Mode("2", "step", "Step"),
    Mode("3", "learn", "Learn"),
    Mode("4", "gates", "Gates"),
    Mode("5", "flow", "Flow"),
    Mode("6", "surgery", "Surgery"),
    Mode("7", "experiments", "Experiments"),
    Mode("8", "handbook", "Handbook"),
    Mode("9", "runs", "Runs"),
)
