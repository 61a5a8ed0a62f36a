"""The loss curve of a run of any length, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from ..arguments import checked
from ..errors import ArgumentError

#: The largest number of buckets, and of validation losses. Even, because buckets are merged in pairs.
CAPACITY = 1024
#: What ``History.arrays`` holds: name → columns. Each but the last has at most CAPACITY rows.
_COLUMNS = {"buckets": 6, "updates": 6, "validation": 2, "lrs": 2, "scalars": None}
#: Columns of a bucket, by how two buckets become one; the others are taken from the later one.
_ADDED, _LOWEST, _HIGHEST = [1, 2, 6, 7, 10], [3, 8], [4, 9]
#: A bucket before its first step.
_EMPTY = (0.0, 0.0, 0.0, math.inf, -math.inf, 0.0, 0.0, 0.0, math.inf, -math.inf, 0.0, math.nan)
#: The weight with which the loss of step n enters the smoothed one: an average over about 100 steps, at first over
#: the last twentieth of all steps, because a longer one would still hold the far higher losses of the beginning.
WEIGHT = 0.01
FIRST_WEIGHTS = 20.0


@checked
@dataclass(frozen=True)
class HistoryView:
    """A loss curve at one moment, in mean nats per symbol.

    All are float64 arrays (n,). Those before ``val_steps`` have one entry per bucket of consecutive steps.
    """

    #: The last step of each bucket.
    steps: np.ndarray
    #: Mean, lowest and highest training loss of the bucket's steps.
    loss: np.ndarray
    low: np.ndarray
    high: np.ndarray
    #: The smoothed training loss at the bucket's last step.
    smoothed: np.ndarray
    #: Mean, lowest and highest norm of the gradient before clipping, the share of the steps in which it was clipped,
    #: and the learning rate of the bucket's last step. NaN where they were not recorded.
    norm: np.ndarray
    norm_low: np.ndarray
    norm_high: np.ndarray
    clipped: np.ndarray
    rate: np.ndarray
    #: Steps after which the validation loss was taken, and its values.
    val_steps: np.ndarray
    val_loss: np.ndarray
    #: First steps of each learning rate, and the learning rates, before warm-up and schedule.
    lr_steps: np.ndarray
    lrs: np.ndarray


@checked
class History:
    """Collects losses in mean nats per symbol, and what the updates were. Its content depends on the steps alone, not
    on how they were added.

    Training losses go into buckets of ``width`` steps. When ``CAPACITY`` buckets are full,
    neighbours are merged and ``width`` doubles. When there are as many validation losses or learning
    rates, every other one is dropped, but never the last. Not thread-safe.
    """

    def __init__(self) -> None:
        self.width = 1
        #: Columns: last step, number of steps, sum of their losses, lowest, highest, smoothed; number of known gradient
        #: norms, their sum, lowest, highest, how many were clipped, last learning rate.
        self._buckets = np.zeros((CAPACITY, 12))
        self._used = 0
        self._added = 0
        self._validation: list[tuple[int, float]] = []
        self._lrs: list[tuple[int, float]] = []
        #: The lowest validation loss, the step after which it was taken, and how many came after it.
        self.best_val: float | None = None
        self.best_step = 0
        self.since_best = 0

    @property
    def smoothed(self) -> float:
        """Moving average of the training loss, in which that of step n has the weight
        max(WEIGHT, min(1, FIRST_WEIGHTS / n)); NaN before the first step."""
        return float(self._buckets[self._used - 1, 5]) if self._used else math.nan

    @property
    def val_loss(self) -> float | None:
        """The last validation loss in mean nats per symbol."""
        return self._validation[-1][1] if self._validation else None

    @property
    def val_step(self) -> int | None:
        """The step of the last validation loss."""
        return self._validation[-1][0] if self._validation else None

    def add(
        self,
        first_step: int,
        losses: Iterable[float],
        norms: Iterable[float] = (),
        rates: Iterable[float] = (),
        clip_norm: float | None = None,
    ) -> None:
        """Add the training losses of steps first_step, first_step + 1, …

        ``norms`` are the gradients' norms before clipping to ``clip_norm``, ``rates`` the learning rates, of the same
        steps; none where they are not known.
        """
        smoothed = self.smoothed if self._used else 0.0
        limit = clip_norm or math.inf
        steps = zip_longest(map(float, losses), map(float, norms), map(float, rates), fillvalue=math.nan)
        for step, (loss, norm, rate) in enumerate(steps, first_step):
            if not self._used or self._buckets[self._used - 1, 1] == self.width:
                self._open_bucket()
            bucket = self._buckets[self._used - 1]
            self._added += 1
            smoothed += max(WEIGHT, min(1.0, FIRST_WEIGHTS / self._added)) * (loss - smoothed)
            _, count, total, low, high, _, known, norms_total, norm_low, norm_high, clipped, _ = bucket.tolist()
            if not math.isnan(norm):
                known, norms_total, clipped = known + 1, norms_total + norm, clipped + (norm > limit)
                norm_low, norm_high = min(norm_low, norm), max(norm_high, norm)
            bucket[:] = (
                step,
                count + 1,
                total + loss,
                min(low, loss),
                max(high, loss),
                smoothed,
                known,
                norms_total,
                norm_low,
                norm_high,
                clipped,
                rate,
            )

    def _open_bucket(self) -> None:
        if self._used == CAPACITY:
            earlier, merged = self._buckets[::2], self._buckets[1::2].copy()
            merged[:, _ADDED] += earlier[:, _ADDED]
            merged[:, _LOWEST] = np.minimum(merged[:, _LOWEST], earlier[:, _LOWEST])
            merged[:, _HIGHEST] = np.maximum(merged[:, _HIGHEST], earlier[:, _HIGHEST])
            self._used = CAPACITY // 2
            self._buckets[: self._used] = merged
            self.width *= 2
        self._buckets[self._used] = _EMPTY
        self._used += 1

    def add_validation(self, step: int, loss: float) -> bool:
        """Add the validation loss after ``step``; returns whether it is the best so far."""
        _append(self._validation, step, loss)
        self.since_best += 1
        if math.isnan(loss) or (self.best_val is not None and loss >= self.best_val):
            return False
        self.best_val, self.best_step, self.since_best = loss, step, 0
        return True

    def forget_best(self) -> None:
        """Forget the best loss, because the validation text has changed and earlier losses no longer compare."""
        self.best_val, self.best_step, self.since_best = None, 0, 0

    def add_lr(self, step: int, lr: float) -> None:
        """Add the learning rate of ``step``; only changes are kept."""
        if not self._lrs or self._lrs[-1][1] != lr:
            _append(self._lrs, step, lr)

    def view(self) -> HistoryView:
        """A copy that later losses do not change."""
        steps, count, total, low, high, smoothed, *updates = self._buckets[: self._used].T.copy()
        known, norms_total, norm_low, norm_high, clipped, rate = updates
        unknown = known == 0
        for column in (known, norm_low, norm_high):
            column[unknown] = math.nan
        norms = (norms_total / known, norm_low, norm_high, clipped / known)
        changes = (*_table(self._validation).T, *_table(self._lrs).T)
        return HistoryView(steps, total / count, low, high, smoothed, *norms, rate, *changes)

    def arrays(self) -> dict[str, np.ndarray]:
        """All as float64 arrays for a checkpoint: buckets, updates (n, 6), validation, lrs (n, 2), scalars (6,)."""
        best = math.nan if self.best_val is None else self.best_val
        return {
            "buckets": self._buckets[: self._used, :6].copy(),
            "updates": self._buckets[: self._used, 6:].copy(),
            "validation": _table(self._validation),
            "lrs": _table(self._lrs),
            # The second was once an average; the last bucket has it.
            "scalars": np.array([self.width, 0.0, self._added, best, self.best_step, self.since_best]),
        }

    @staticmethod
    def check_header(header: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Raises ArgumentError unless arrays of these names, dtypes and shapes can be those of a history."""
        for name, columns in _COLUMNS.items():
            if name == "updates" and name not in header:
                continue  # earlier versions did not keep them
            if name not in header:
                raise ArgumentError(f"{name!r} is missing")
            dtype, shape = header[name]
            fits = shape == (6,) if columns is None else shape[1:] == (columns,) and shape[0] <= CAPACITY
            if dtype != "float64" or not fits:
                raise ArgumentError(f"{name}: got {dtype} {shape}")
        if unknown := sorted(header.keys() - _COLUMNS.keys()):
            raise ArgumentError(f"{unknown[0]!r} is no part of a loss curve")
        if "updates" in header and header["updates"] != header["buckets"]:
            raise ArgumentError(f"updates: got shape {header['updates'][1]}, expected {header['buckets'][1]}")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> History:
        """The history with these ``arrays()``, of the same shapes. Raises ArgumentError if they are damaged."""
        cls.check_header({name: (array.dtype.name, array.shape) for name, array in arrays.items()})
        buckets, validation, lrs, scalars = (arrays[name] for name in _COLUMNS if name != "updates")
        for name, array in (("buckets", buckets[:, :2]), ("validation", validation[:, :1]), ("lrs", lrs[:, :1])):
            if not ((array >= 0) & (array < 2**53)).all():
                raise ArgumentError(f"{name}: got steps that are no whole numbers")
            if (np.diff(array[:, 0]) < 0).any():
                raise ArgumentError(f"{name}: got steps that go back")
        width, unused, added, best, best_step, since_best = scalars.tolist()
        whole = (width - 1, added, best_step, since_best)
        if not (min(whole) >= 0 and math.isfinite(sum(whole) + unused)):
            raise ArgumentError(f"scalars: got {scalars.tolist()}")
        history = cls()
        history.width = int(width)
        history._buckets[: len(buckets), :6] = buckets
        history._buckets[: len(buckets), 6:] = arrays.get("updates", _EMPTY[6:])
        history._used = len(buckets)
        history._added = int(added)
        history._validation = [(int(step), loss) for step, loss in validation.tolist()]
        history._lrs = [(int(step), lr) for step, lr in lrs.tolist()]
        history.best_val = None if math.isnan(best) else best
        history.best_step, history.since_best = int(best_step), int(since_best)
        return history


def _append(entries: list[tuple[int, float]], step: int, value: float) -> None:
    if len(entries) == CAPACITY:
        del entries[::2]
    entries.append((step, value))


def _table(entries: list[tuple[int, float]]) -> np.ndarray:
    """(n, 2) float64"""
    return np.array(entries, dtype=np.float64).reshape(-1, 2)
