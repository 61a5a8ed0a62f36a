"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_ext.explain.walk import Moment, Walk

Array = np.ndarray
#: "same"; "differs": computed wrongly; "follows": wrong only because something before it is; "unseen": no variable or
#: expression of the file has it.
State = Literal["same", "differs", "follows", "unseen"]


@dataclass(frozen=True)
class Verdict:
    """One quantity at one step. ``yours`` is None where it is unseen."""

    state: State
    right: Array
    yours: Array | None
    #: The line of the file that computed it; 0 where that is not known.
    line: int = 0


@dataclass(frozen=True)
class Cause:
    """The same wrong number comes out if ``part`` is replaced: by 0, by 1, or by another quantity; quantities are
    (name, t)."""

    part: tuple[str, int]
    by: tuple[str, int] | Literal[0, 1]


@dataclass(frozen=True)
class Difference:
    """A number that is computed wrongly."""

    #: "forward" or "backward".
    phase: str
    #: The character's number, from 1.
    t: int
    #: The walk's stage, such as "f", "da_f" or "dW".
    stage: str
    #: The quantity, as ``equations`` has it; more exact than the stage where that is "dW".
    quantity: str
    yours: Array
    right: Array
    #: Lines of the file; 0 where they are not known.
    line: int
    end: int
    function: str
    #: The text of these lines.
    code: str
    cause: Cause | None
    #: Quantities on the way to this one that no variable or expression of the file has: one of them may be the wrong
    #: one. ``after`` is the line of the last right number before them.
    unseen: tuple[tuple[str, int], ...]
    after: int
    #: Whether each step's part is right, but not their sum.
    sums: bool = False

    @property
    def index(self) -> tuple[int, ...]:
        """Where the two differ most."""
        return tuple(int(k) for k in np.unravel_index(np.abs(self.yours - self.right).argmax(), self.right.shape))


@dataclass(frozen=True)
class Comparison:
    """A learner's file beside the lab's own numbers."""

    path: str
    source: str
    #: What went wrong with the file itself, in one line; "" if it was followed to the end.
    problem: str
    #: The line of the file that ``problem`` is about, or 0.
    problem_line: int
    #: What the debugger assumed or cannot see, a sentence each.
    notes: tuple[str, ...]
    #: The class that was followed, and its kind: "lstm", "gru" or "rnn"; "" if there is none.
    name: str = ""
    cell: str = ""
    #: "network", with its own loss, "sequence", with an output layer, or "cell".
    kind: str = ""
    walk: Walk | None = None
    #: The learner's loss, and the right one in the same unit (mean or sum).
    loss: float | None = None
    right_loss: float | None = None
    verdicts: dict[tuple[str, int], Verdict] | None = None
    first: Difference | None = None
    #: Wrong numbers that do not follow from the first one.
    others: tuple[Difference, ...] = ()
    went_back: bool = False
    #: Whether the columns of the file's W were taken to be [x, h].
    x_first: bool = False

    @property
    def agrees(self) -> bool:
        """Whether all that was seen is right."""
        return not self.problem and self.first is None

    def verdict(self, moment: Moment) -> Verdict | None:
        """What was found at a stage of the walk; None where it has none, such as for the update."""
        return (self.verdicts or {}).get((moment.stage.id, moment.step.t))

    def moment(self, difference: Difference) -> Moment:
        """The stage of the walk at which ``difference`` is shown."""
        assert self.walk is not None
        return next(
            moment
            for moment in self.walk.moments
            if (moment.stage.id, moment.step.t, moment.phase) == (difference.stage, difference.t, difference.phase)
        )

    def count(self, state: State, phase: str | None = None) -> int:
        """How many stages have this state, in one phase or in both."""
        if self.walk is None:
            return 0
        found = [(self.verdict(m), m.phase) for m in self.walk.moments]
        return sum(v is not None and v.state == state and phase in (None, p) for v, p in found)
