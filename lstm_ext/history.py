"""The loss curve of a run of any length, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HistoryView:
    """A loss curve, float64 arrays; the first five are of one length (at most 1024), one entry per bucket of steps."""

    #: The last step of each bucket.
    steps: np.ndarray
    #: Mean, lowest and highest training loss of the bucket's steps.
    loss: np.ndarray
    low: np.ndarray
    high: np.ndarray
    #: The smoothed training loss at the bucket's last step.
    smoothed: np.ndarray
    #: Steps after which the validation loss was taken, and its values.
    val_steps: np.ndarray
    val_loss: np.ndarray
