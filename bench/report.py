"""The results: timings of each row, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lstm_ext.timing import Spread

from .contender import OURS, counting_peers
from .rows import Row, row_named


@dataclass(frozen=True)
class Timing:
    """One contender's time per step or character; or why it does not count."""

    key: str
    label: str
    seconds: Spread | None
    #: It could not run, or computed something else than was asked for.
    void: str | None = None
    #: It is shown, but computes only something similar.
    nearest: bool = False

    @property
    def group(self) -> str:
        return self.key.split("-")[0]


@dataclass(frozen=True)
class RowResult:
    """One row at one number of threads."""

    name: str
    threads: int
    timings: tuple[Timing, ...]
    #: Operations per second of nothing but multiply-adds, on all threads, measured in between.
    peak: Spread | None = None
    #: The C core's working memory after training, and what the formula says.
    memory_bytes: int | None = None
    memory_formula: int | None = None

    @property
    def row(self) -> Row:
        return row_named(self.name)

    def seconds(self, key: str) -> float | None:
        """Median of the contender ``key``; None if it did not take part or was disqualified."""
        for timing in self.timings:
            if timing.key == key and timing.seconds is not None:
                return timing.seconds.median
        return None

    def speedup(self, key: str) -> float | None:
        """How many times the C core is as fast as ``key``."""
        ours, other = self.seconds(OURS), self.seconds(key)
        return other / ours if ours and other else None

    @property
    def best_peer(self) -> Timing | None:
        """The fastest that is measured against."""
        peers = [t for t in self.timings if t.seconds and not t.nearest and t.group in counting_peers(self.row)]
        return min(peers, key=lambda t: t.seconds.median if t.seconds else 0.0, default=None)

    @property
    def ratio(self) -> float | None:
        """How many times the C core is as fast as the best peer."""
        return self.speedup(self.best_peer.key) if self.best_peer else None

    @property
    def missing_peers(self) -> tuple[str, ...]:
        """Groups to be measured against that are not there, or void: without them ``ratio`` flatters."""
        there = {timing.group for timing in self.timings if timing.seconds and not timing.nearest}
        return tuple(group for group in counting_peers(self.row) if group not in there)

    @property
    def operations_per_second(self) -> float | None:
        """Of the C core's training step; see ``Row.operations``."""
        ours = self.seconds(OURS)
        return self.row.operations / ours if ours and self.row.kind != "sampling" else None

    @property
    def peak_share(self) -> float | None:
        """Of the multiply-add peak, as a fraction."""
        rate = self.operations_per_second
        return rate / self.peak.median if rate and self.peak else None

    def to_json(self) -> dict[str, Any]:
        """With what follows from the measurements; ``from_json`` takes it back."""
        row, best = asdict(self.row), self.best_peer
        return {
            **asdict(self),
            **row,
            "operations": self.row.operations,
            "gflops": None if self.operations_per_second is None else self.operations_per_second / 1e9,
            "peak_share": self.peak_share,
            "best_peer": best.key if best else None,
            "ratio": self.ratio,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RowResult:
        """From the first part of ``to_json``."""
        timings = tuple(Timing(**{**timing, "seconds": _spread(timing["seconds"])}) for timing in data["timings"])
        return cls(
            data["name"],
            data["threads"],
            timings,
            _spread(data["peak"]),
            data["memory_bytes"],
            data["memory_formula"],
        )


def _spread(data: Mapping[str, Any] | None) -> Spread | None:
    return Spread(**data) if data else None


#: A row in which the processor reached less of the best peak of all rows had to share it.
UNDISTURBED = 0.85


@dataclass
class Report:
    """A whole run, or as much of it as there was time for."""

    machine: dict[str, Any]
    #: Contenders that did not take part, and why.
    absent: dict[str, str]
    rows: list[RowResult] = field(default_factory=list)
    #: Seconds of whole processes, by what they do.
    processes: dict[str, Spread] = field(default_factory=dict)
    #: Peak memory of a short training run, by contender.
    peak_memory: dict[str, int] = field(default_factory=dict)
    #: What went wrong on the way.
    failures: list[str] = field(default_factory=list)
    complete: bool = False

    def disturbed(self) -> list[RowResult]:
        """Rows that other programs, or a hot processor, slowed down too much: measure them again."""

        def alike(result: RowResult) -> tuple[int, bool]:
            return result.threads, result.row.kind == "float64"

        best: dict[tuple[int, bool], float] = {}
        for result in self.rows:
            if result.peak:
                best[alike(result)] = max(result.peak.median, best.get(alike(result), 0.0))
        return [r for r in self.rows if r.peak and r.peak.median < UNDISTURBED * best[alike(r)]]

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for JSON; seconds and bytes throughout."""
        return {
            "machine": self.machine,
            "absent": self.absent,
            "rows": [result.to_json() for result in self.rows],
            "processes": {name: asdict(seconds) for name, seconds in self.processes.items()},
            "peak_memory": self.peak_memory,
            "failures": self.failures,
            "disturbed": [[result.name, result.threads] for result in self.disturbed()],
            "complete": self.complete,
        }
