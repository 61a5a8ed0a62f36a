"""Typical mistakes, each an executable edit of the solution with the message that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A wrong solution that people write."""

    #: The code of the finding, and the name in tests
    id: str
    #: The rung at which it is caught
    rung: str
    #: Each first text stands exactly once in the solution and becomes the second
    edits: tuple[tuple[str, str], ...]
    #: The likely cause, in the learner's terms
    cause: str
    #: What to do next, without the answer
    next: str

    @classmethod
    def from_toml(cls, entry: Mapping[str, Any]) -> Mutant:
        """The mutant of one ``[[mutant]]`` table."""
        edits = tuple((old, new) for old, new in entry["edits"])
        return cls(entry["id"], entry["rung"], edits, entry["cause"], entry["next"])

    def apply(self, source: str) -> str | None:
        """``source`` with this mistake; None if an edit's place is not there exactly once."""
        for old, new in self.edits:
            if source.count(old) != 1:
                return None
            source = source.replace(old, new)
        return source
