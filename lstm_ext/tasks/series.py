"""Forecasting: sine waves, any other series, and what plain arithmetic forecasts.

On a noiseless sine of one frequency a linear function of the last two values, fitted once, is
right to 14 decimals: a network's forecast of sine waves shows nothing unless that number stands
beside it. Random frequencies and noise make the task hard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Probability, Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError, DataError


@checked
@dataclass(frozen=True)
class SineWaves:
    """Windows at a random phase of sin(2π·t/period·k) + noise.

    ``frequency`` is the range that k is drawn from, once per window; (1, 1) is always the same.
    ``noise`` is the standard deviation of what is added to past and future. The default period is that of the
    usual exercise: two waves over 60 points. Raises ArgumentError for a period that is not above 0.
    """

    past: Size = 50
    future: Size = 10
    frequency: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0
    period: float = 29.5

    def __post_init__(self) -> None:
        if not self.period > 0:
            raise ArgumentError(f"period: got {self.period!r}, expected a number above 0")

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs (past, B, 1), targets (future, B, 1)."""
        check_memory("size", size, size * (self.past + self.future))
        step = 2 * np.pi / self.period * rng.uniform(*self.frequency, size)
        t = np.arange(self.past + self.future)[:, np.newaxis]
        values = np.sin(rng.uniform(0, 2 * np.pi, size) + step * t)
        values += self.noise * rng.standard_normal(values.shape)
        return _windows(values, self.past)


@checked
class SplitSeries:
    """One long series (N,), split by time: the last ``test`` share of it is only ever forecast, never learned from.

    Values are shifted and scaled by the mean and standard deviation of the part that is learned from.
    Raises ArgumentError for values that are not finite or not (N,), and DataError if there are too few of them.
    """

    def __init__(self, values: np.ndarray, past: Size = 50, future: Size = 10, test: Probability = 0.2) -> None:
        values = np.asarray(values, np.float64)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ArgumentError(f"values: got shape {values.shape}, expected finite numbers (N,)")
        cut = int(len(values) * (1 - test))
        if cut < past + future or len(values) - cut < future:
            raise DataError(f"the series has {len(values)} values, too few for windows of {past} + {future}")
        self.past, self.future = past, future
        self.mean, self.deviation = float(values[:cut].mean()), float(values[:cut].std()) or 1.0
        scaled = self.scale(values)
        #: What is learned from, scaled.
        self.train_values = scaled[:cut]
        # A window to test on may look back across the cut, but never forecasts what lies before it.
        self._test_values = scaled[cut - past :]

    def scale(self, values: ArrayLike) -> np.ndarray:
        """Numbers of any shape in the series' own units as the networks see them: (value − mean) / deviation."""
        scaled: np.ndarray = (np.asarray(values, np.float64) - self.mean) / self.deviation
        return scaled

    def unscale(self, values: ArrayLike) -> np.ndarray:
        """The inverse of ``scale``: forecasts, of any shape, in the series' own units."""
        return np.asarray(values, np.float64) * self.deviation + self.mean

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """``size`` windows at random places of the training part."""
        check_memory("size", size, size * (self.past + self.future))
        starts = rng.integers(0, len(self.train_values) - self.past - self.future + 1, size)
        return self._windows(self.train_values, starts)

    def test(self) -> Batch:
        """Every window whose future lies in the test part."""
        return self._windows(self._test_values, np.arange(len(self._test_values) - self.past - self.future + 1))

    def _windows(self, values: np.ndarray, starts: np.ndarray) -> Batch:
        places = starts + np.arange(self.past + self.future)[:, np.newaxis]
        return _windows(values[places], self.past)


def _windows(values: np.ndarray, past: int) -> Batch:
    """Splits (T, B) into what is known and what is to be forecast."""
    return Batch(values[:past, :, np.newaxis], None, values[past:, :, np.newaxis])


@checked
def forecast_baselines(train: Batch, test: Batch, orders: tuple[int, ...] = (2, 20)) -> dict[str, float]:
    """Mean squared errors on ``test``: of the training futures' mean, of the last value repeated ("persistence"),
    and, for each order k, of the best linear function of the last k values, fitted to ``train`` ("linear-k").
    Raises ArgumentError for batches of other shapes."""
    for name, windows in (("train", train), ("test", test)):
        if windows.inputs.ndim != 3 or windows.targets.ndim != 3 or not len(windows.inputs):
            raise ArgumentError(f"{name}: got {windows!r}, expected inputs and targets (T, B, D)")
    errors = {
        "mean": float(np.mean((test.targets - train.targets.mean()) ** 2)),
        "persistence": float(np.mean((test.targets - test.inputs[-1]) ** 2)),
    }
    for order in orders:
        if order <= len(train.inputs):
            known, asked = (_with_one(windows.inputs[-order:, :, 0].T) for windows in (train, test))
            weights = np.linalg.lstsq(known, train.targets[:, :, 0].T, rcond=None)[0]
            errors[f"linear-{order}"] = float(np.mean((asked @ weights - test.targets[:, :, 0].T) ** 2))
    return errors


def _with_one(rows: np.ndarray) -> np.ndarray:
    """A column of ones beside them, for the constant."""
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
