"""The place in a walk: what stands there, and how one gets from it to others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from lstm_ext.explain.engines import Both
from lstm_ext.explain.walk import Moment, Walk

from ...exercises.debugger.comparison import Comparison, Verdict


@dataclass(frozen=True)
class Place:
    """Moment number ``index`` of ``walk``; ``unit`` counts from 0. With a file of the learner's beside it, the
    ``comparison``; ``losses`` are those before the updates that were made; ``sort``: the most telling units first."""

    walk: Walk
    index: int
    unit: int
    comparison: Comparison | None = None
    losses: tuple[float, ...] = ()
    sort: bool = False
    #: Whether the lines of the engines are shown, and what both engines compute, once that is known.
    code: bool = False
    both: Both | None = None

    @cached_property
    def order(self) -> list[int]:
        """All units, as they stand in lists."""
        return self.walk.telling if self.sort else list(range(self.walk.config.hidden_size))

    @property
    def moment(self) -> Moment:
        """The current stage."""
        return self.walk.moments[self.index]

    @property
    def verdict(self) -> Verdict | None:
        """What was found about the learner's value of the current stage."""
        return None if self.comparison is None else self.comparison.verdict(self.moment)

    @property
    def first(self) -> int | None:
        """The number of the first stage at which the learner's file differs."""
        if self.comparison is None or self.comparison.first is None:
            return None
        return self.walk.moments.index(self.comparison.moment(self.comparison.first))

    @cached_property
    def group(self) -> range:
        """The moments of the same character in the same direction."""
        moments, here = self.walk.moments, self.moment
        start = end = self.index
        while start > 0 and _together(moments[start - 1], here):
            start -= 1
        while end < len(moments) and _together(moments[end], here):
            end += 1
        return range(start, end)

    @cached_property
    def _numbers(self) -> dict[tuple[int, str], int]:
        return {(moment.step.t, moment.stage.id): k for k, moment in enumerate(self.walk.moments)}

    def find(self, t: int, stage: str) -> int | None:
        """The number of a stage's moment at character ``t`` (0: the update), if there is one."""
        return self._numbers.get((t, stage))

    def known(self, t: int, stage: str) -> bool:
        """Whether the walk has passed a stage, so that its value may be shown."""
        number = self.find(t, stage)
        return number is not None and number <= self.index

    # Other places in the same walk.

    def at(self, index: int) -> Place:
        """A moment, or the nearest one that there is."""
        return replace(self, index=min(max(0, index), len(self.walk.moments) - 1))

    def character(self, by: int) -> Place:
        """The next character's first stage, or back to this one's or, from there, to the one before."""
        if by > 0:
            return self.at(self.group.stop) if self.group.stop < len(self.walk.moments) else self
        if self.index > self.group.start:
            return self.at(self.group.start)
        return self.at(self.at(self.group.start - 1).group.start) if self.group.start > 0 else self

    def turned(self) -> Place:
        """The same gate of the same character going the other way."""
        id, t = self.moment.stage.id, self.moment.step.t
        if self.moment.phase == "forward":
            stages = (f"d{id}", {"p": "dy", "loss": "dy", "tanh_c": "dc", "x": "dW"}.get(id, "dy"))
        else:
            stages = (id.removeprefix("d"), {"dW": "x", "dW_y": "y"}.get(id, "loss"))
        found = (self.find(t or 1, stage) for stage in stages)
        return self.at(next(number for number in found if number is not None))

    def next_unit(self, by: int) -> Place:
        """Further down the list of units, or up."""
        return replace(self, unit=self.order[(self.order.index(self.unit) + by) % len(self.order)])

    def different(self) -> Place:
        """The first number that differs from the learner's, of the unit that differs most; here, if none does."""
        if self.comparison is None or self.comparison.first is None or self.first is None:
            return self
        axis = self.walk.moments[self.first].stage.axis
        return replace(self, index=self.first, unit=self.comparison.first.index[0] if axis == "unit" else self.unit)

    def like(self, here: Place | None) -> Place:
        """The place that is most like ``here``, which is one in another walk."""
        if here is None or here.sort != self.sort:
            place = replace(self, unit=self.order[0])
        else:
            place = replace(self, unit=min(here.unit, self.walk.config.hidden_size - 1))
        if here is None or here.walk.text != self.walk.text:
            return place
        moment, moments = here.moment, self.walk.moments
        group = [k for k, m in enumerate(moments) if (m.phase, m.step.t) == (moment.phase, moment.step.t)]
        same = [k for k in group if moments[k].stage.id == moment.stage.id]
        return place.at((same or group or [0])[0])


def _together(a: Moment, b: Moment) -> bool:
    return a.step is b.step and a.phase == b.phase
