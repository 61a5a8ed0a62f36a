"""What a check found, as data: front ends draw it, progress keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: ``blocked``: a rung below is broken. ``open``: not answered yet. ``self-assessed``: the learner's own judgment.
Status = Literal["passed", "failed", "blocked", "open", "self-assessed"]


@dataclass(frozen=True)
class Finding:
    """Why a rung is broken. Every field but ``code`` is text for the learner, and may be empty."""

    #: The mutant's id, or the kind of failure: ``wrong``, ``shape``, ``raised``, ``unwritten`` …
    code: str
    #: What is the matter, in one sentence
    message: str
    #: What was called
    called: str = ""
    #: What came back, and what was wanted: one entry, and the error's size
    got: str = ""
    wanted: str = ""
    #: The names of what is right, and of what is wrong with its error
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    cause: str = ""
    next: str = ""
    #: The line in the learner's file, or 0, and its text
    line: int = 0
    source: str = ""


@dataclass(frozen=True)
class RungResult:
    """How one rung went."""

    name: str
    status: Status
    finding: Finding | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """The result of one check."""

    exercise: str
    #: The random numbers of this attempt follow from it
    seed: int
    rungs: tuple[RungResult, ...]
    #: Measured numbers by the name of their prediction, and what the learner had guessed
    measured: dict[str, float] = field(default_factory=dict)
    guessed: dict[str, float] = field(default_factory=dict)
    #: What the learner's code printed, shortened
    printed: str = ""
    #: True if the grader itself failed: not the learner's mistake
    grader_failed: bool = False
    #: The grader's own traceback, if it failed
    trace: str = ""
    #: What kept the file from doing harm: ``Landlock 7, seccomp, …``
    confinement: str = ""

    @property
    def passed(self) -> bool:
        """Whether every rung holds."""
        return not self.grader_failed and all(rung.status in ("passed", "self-assessed") for rung in self.rungs)

    @property
    def broken(self) -> RungResult | None:
        """The first rung that is broken; or else the first that is open."""
        waiting = (rung for status in ("failed", "open") for rung in self.rungs if rung.status == status)
        return next(waiting, None)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        return asdict(self) | {"passed": self.passed}
