"""The wrong numbers of a file: noted one by one, with the equations continuing from the learner's value."""

from __future__ import annotations

from .blame import blamed, cause
from .comparison import Difference
from .equations import LEARNED, Array, Key
from .reading import Reading
from .trace import Found


class Findings:
    """What was found wrong in one reading."""

    def __init__(self, reading: Reading, source: str) -> None:
        self._reading, self._lines = reading, source.splitlines()
        self._number = {key: number for number, key in enumerate(reading.run.order)}
        self._fixed: dict[Key, Array] = {}
        self._differences: list[Difference] = []
        #: Quantities that are wrong together, as those of gates taken for each other.
        self._together: list[set[str]] = []

    def differ(
        self, key: Key, found: Found, part: Found | None = None, *, sums: bool = False, here: bool = False
    ) -> None:
        """Notes a wrong number, and continues with it; ``part`` is what the file has of it, if it is in parts.

        ``sums``: it is the sum that is wrong, not its parts; ``here``: the line of ``found`` is to blame, or else it is
        looked for.
        """
        run, number = self._reading.run, self._number[key]
        yours, right = self._reading.ours(key[0], found.value), run.values[key]
        if yours.shape != right.shape:
            return
        event = found.event if sums or here else blamed(self._reading, key, part or found)
        self._reading.states[key], self._reading.events[key] = "differs", event
        name, t = key
        ways = self._ways_to(key)
        unseen = tuple(k for k in run.order[:number] if k in ways and self._reading.states.get(k) == "unseen")
        befores = [e for k in ways if (e := self._reading.events.get(k)) and e.function == event.function]
        self._differences.append(
            Difference(
                phase=run.phase(key),
                t=t,
                stage=stage_of(name),
                quantity=name,
                yours=yours,
                right=right,
                line=event.line,
                end=event.end,
                function=event.function,
                code="\n".join(self._lines[event.line - 1 : event.end]) if event.line else "",
                cause=None if sums else cause(self._reading, key, yours),
                unseen=unseen,
                after=max((e.line for e in befores if e.line <= event.line), default=0) if unseen else 0,
                sums=sums,
            )
        )
        if not sums:
            self._fixed[key] = yours
            run.values[key] = yours
            run.recompute(number + 1, self._fixed)

    def differ_together(self, wrong: dict[Key, Found]) -> None:
        """Notes quantities that are wrong by one mistake."""
        self._together.append({name for name, _ in wrong})
        for key, found in wrong.items():
            self.differ(key, found)

    def ranked(self) -> tuple[Difference | None, tuple[Difference, ...]]:
        """The first difference, and those of another kind, each once: the same quantity at another character, or the
        same line, is the same mistake."""
        ranked = sorted(self._differences, key=lambda d: (d.sums, self._number[d.quantity, d.t]))
        shown: list[Difference] = []
        for difference in ranked:
            alike = {name for d in shown for name in self._alike(d.quantity)}
            lines = {d.line for d in shown if d.line}
            if difference.quantity not in alike and difference.line not in lines:
                shown.append(difference)
        return (shown[0], tuple(shown[1:])) if shown else (None, ())

    def _ways_to(self, key: Key) -> set[Key]:
        """The unseen quantities that lead to it, and the last seen ones before them."""
        found: set[Key] = set()
        todo = list(self._reading.run.parents[key])
        while todo:
            parent = todo.pop()
            if parent not in found and parent[1] > 0:
                found.add(parent)
                if self._reading.states.get(parent) == "unseen":
                    todo += self._reading.run.parents[parent]
        return found

    def _alike(self, name: str) -> set[str]:
        """Quantities whose errors are one mistake: a weight's gradient and its bias's, and those that go together."""
        gate = name.removeprefix("dW_").removeprefix("db_")
        found = {name, f"dW_{gate}", f"db_{gate}"} if gate != name else {name}
        return found.union(*(group for group in self._together if name in group))


def stage_of(name: str) -> str:
    """The stage of the walk that shows a quantity."""
    if name in ("dW_y", "db_y"):
        return "dW_y"
    if name.startswith(LEARNED):
        return "dW"
    return {"dh_out": "dh", "dx": "dh_prev"}.get(name, name)
