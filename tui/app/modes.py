"""The lab's screens, in the order of their keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """A screen: its key, the name of its mode, which is its module's too, and its title."""

    key: str
    id: str
    title: str
    #: The topic of the handbook that belongs to it.
    topic: str
    #: The command that says in plain text what it shows.
    command: str


MODES = (
    Mode("1", "train", "Train", "loss", "train"),
    Mode("2", "step", "Step", "step", "step"),
    Mode("3", "learn", "Learn", "course", "learn"),
    Mode("4", "gates", "Gates", "units", "gates"),
    Mode("5", "flow", "Flow", "gradients", "flow"),
    Mode("6", "surgery", "Surgery", "surgery", "surgery"),
    Mode("7", "experiments", "Experiments", "experiments", "experiment"),
    Mode("8", "handbook", "Handbook", "recurrence", "handbook"),
    Mode("9", "runs", "Runs", "runs", "runs"),
)
