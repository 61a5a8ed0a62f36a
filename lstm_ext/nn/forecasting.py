"""The next numbers of series (T, B, D), all at once or one after the other.

The loss is the mean squared error, in the squared unit of the series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, Size, check_memory, passes_on
from ..data.batch import Batch
from ..errors import ArgumentError
from .checks import checked_lengths, counted_steps
from .linear import Linear
from .losses import mean_squared_error
from .model import Model
from .models import Reader
from .pooling import Last

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import ReaderOptions


class DirectForecaster(Model):
    """All K = ``horizon`` steps at once, from the state after the series' last one; targets are (K, B, D)."""

    criterion = staticmethod(mean_squared_error)

    @passes_on(Reader)
    def __init__(self, input_size: Size, hidden_size: Size, horizon: Size, **reader: Unpack[ReaderOptions]) -> None:
        self.input_size, self.horizon = input_size, horizon
        self.reader = Reader(input_size, hidden_size, **reader)
        self.pooling = Last(bidirectional=self.reader.rnn.bidirectional)
        self.output = Linear(self.reader.output_size, horizon * input_size, init=self.reader.init)

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """Forecasts (K, B, D)."""
        flat = self.output.forward(self.pooling.forward(self.reader.forward(inputs, lengths), lengths))
        y: np.ndarray = flat.reshape(len(flat), self.horizon, self.input_size).swapaxes(0, 1)
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """``dout`` (K, B, D) is ∂L/∂forecasts; returns ∂L/∂inputs, or None for symbols."""
        flat = dout.swapaxes(0, 1).reshape(dout.shape[1], -1)
        return self.reader.backward(self.pooling.backward(self.output.backward(flat)))

    def forecast(self, inputs: ArrayLike, lengths: ArrayLike | None = None, horizon: int | None = None) -> np.ndarray:
        """Forecasts (K, B, D), without dropout. Raises ArgumentError for a ``horizon`` beyond the network's."""
        if horizon is not None and not 0 <= horizon <= self.horizon:
            raise ArgumentError(
                f"horizon: got {horizon!r}, expected 0 to {self.horizon}, for which this network was made"
            )
        with self.evaluating():
            return self.forward(inputs, lengths)[:horizon]


class AutoregressiveForecaster(Model):
    """One step ahead, and any number of steps by reading its own forecasts.

    It learns at every step: targets (T, B, D) are the values after each of the inputs, as ``one_step_ahead``
    gives them. Padding does not count. Raises ArgumentError for ``bidirectional``.
    """

    @passes_on(Reader)
    def __init__(self, input_size: Size, hidden_size: Size, **reader: Unpack[ReaderOptions]) -> None:
        if reader.get("bidirectional"):
            raise ArgumentError("bidirectional: got True, expected False: a forecaster must not see what comes next")
        self.input_size = input_size
        self.reader = Reader(input_size, hidden_size, **reader)
        self.output = Linear(self.reader.output_size, input_size, init=self.reader.init)

    def forward(
        self, inputs: ArrayLike, lengths: ArrayLike | None = None, state: ArrayLike | None = None
    ) -> np.ndarray:
        """Forecasts (T, B, D): row t is that of the series at t+1."""
        return self.output.forward(self.reader.forward(inputs, lengths, state))

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """``dout`` (T, B, D) is ∂L/∂forecasts; returns ∂L/∂inputs, or None for symbols."""
        return self.reader.backward(self.output.backward(dout))

    def compare(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> tuple[float, np.ndarray]:
        forecasts = self.forward(inputs, lengths)
        counts = checked_lengths(lengths, *forecasts.shape[:2])
        counted = None if counts is None else counted_steps(counts, len(forecasts))[:, :, None]
        return mean_squared_error(forecasts, targets, counted)

    def count(self, lengths: ArrayLike | None, targets: ArrayLike) -> int:
        T, B, D = np.shape(targets)
        counts = checked_lengths(lengths, T, B)
        return int(D) * (T * B if counts is None else int(counts.sum()))

    def forecast(self, inputs: ArrayLike, lengths: ArrayLike | None = None, horizon: Count = 1) -> np.ndarray:
        """Forecasts (horizon, B, D), without dropout."""
        with self.evaluating():
            outputs = self.forward(inputs, lengths)
            T, B, D = outputs.shape
            check_memory("horizon", horizon, horizon * B * D)
            forecasts = np.empty((horizon, B, D), outputs.dtype)
            counts = checked_lengths(lengths, T, B)
            latest = outputs[T - 1 if counts is None else counts - 1, np.arange(B)]
            for k in range(horizon):
                forecasts[k] = latest
                latest = self.forward(latest[None], state=self.reader.rnn.final_state)[0]
        return forecasts


def one_step_ahead(series: ArrayLike, lengths: ArrayLike | None = None) -> Batch:
    """Series (T, B, D) as an ``AutoregressiveForecaster`` learns from them: all steps but the last as inputs, and
    the next step of each as targets. Raises ArgumentError for another shape or T less than 2."""
    values = np.asarray(series)
    if values.ndim != 3 or len(values) < 2:
        raise ArgumentError(f"series: got shape {values.shape}, expected (T, B, D) with T at least 2")
    counts = checked_lengths(lengths, *values.shape[:2])
    return Batch(values[:-1], None if counts is None else np.maximum(counts - 1, 0), values[1:])
