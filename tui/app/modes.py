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


MODES = (
    Mode("1", "train", "Train", "loss"),
    Mode("2", "step", "Step", "step"),
    Mode("3", "learn", "Learn", "course"),
    Mode("4", "gates", "Gates", "units"),
    Mode("5", "flow", "Flow", "gradients"),
    Mode("6", "surgery", "Surgery", "surgery"),
    Mode("7", "experiments", "Experiments", "experiments"),
    Mode("8", "handbook", "Handbook", "recurrence"),
    Mode("9", "runs", "Runs", "runs"),
)
