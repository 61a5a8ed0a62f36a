"""What to minimize: each function returns a loss, and its gradient with respect to the predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..errors import ArgumentError


@checked
def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(x) / Σ exp(x) over the last axis, in float64: (…, V) → (…, V). Raises ArgumentError where V is 0."""
    if not logits.ndim or not logits.shape[-1]:
        raise ArgumentError(f"logits: got shape {logits.shape}, expected (…, V) with V at least 1")
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    probabilities: np.ndarray = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


@checked
def cross_entropy(logits: np.ndarray, targets: ArrayLike) -> tuple[float, np.ndarray]:
    """Mean of −ln softmax(logits)[target] over the targets that count, in nats; 0 if none does.

    ``logits`` (…, V); ``targets`` (…) integers 0 … V−1, or −1 where nothing counts. The gradient (…, V)
    is 0 there, and elsewhere (softmax(logits) − one-hot target) / number of targets that count. Raises
    ArgumentError for targets of another shape or range.
    """
    if not logits.ndim:
        raise ArgumentError("logits: got a single number, expected (…, V)")
    wanted, classes = np.asarray(targets), logits.shape[-1]
    if wanted.dtype.kind not in "iu" or wanted.shape != logits.shape[:-1]:
        raise ArgumentError(f"targets: got {wanted.dtype} {wanted.shape}, expected integers {logits.shape[:-1]}")
    if wanted.size and (wanted.min() < -1 or wanted.max() >= classes):
        raise ArgumentError(f"targets: got {wanted.min()} to {wanted.max()}, expected 0 to {classes - 1}, or −1")
    rows, labels = logits.reshape(-1, classes), wanted.reshape(-1)
    counted = np.flatnonzero(labels >= 0)
    labels = labels[counted]
    dlogits = np.zeros_like(rows)
    if not counted.size:
        return 0.0, dlogits.reshape(logits.shape)
    with np.errstate(all="ignore"):  # overflow and NaN are results here, to be found in the loss
        picked = rows[counted]  # (N, V)
        picked -= picked.max(axis=1, keepdims=True)  # so that no exponential overflows
        exponentials = np.exp(picked)
        sums = exponentials.sum(axis=1, dtype=np.float64)
        own = np.arange(len(counted))
        nats = np.log(sums) - picked[own, labels]
        exponentials /= sums.astype(rows.dtype)[:, None]
        exponentials[own, labels] -= 1
        exponentials /= len(counted)
    dlogits[counted] = exponentials
    return float(nats.mean()), dlogits.reshape(logits.shape)


@checked
def mean_squared_error(
    predictions: np.ndarray, targets: ArrayLike, counted: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Mean of (prediction − target)² over all numbers, or those where ``counted`` is true; 0 if there are none.

    ``predictions`` and ``targets`` have the same shape, which is also the gradient's; ``counted`` is boolean and
    broadcasts to it. The loss is in the squared unit of the targets. Raises ArgumentError for targets of
    another shape.
    """
    wanted = np.asarray(targets)
    if wanted.dtype.kind not in "fiu" or wanted.shape != predictions.shape:  # (B, 1) − (B,) would be (B, B)
        raise ArgumentError(f"targets: got {wanted.dtype} {wanted.shape}, expected numbers {predictions.shape}")
    with np.errstate(all="ignore"):
        error = predictions - wanted.astype(predictions.dtype)
        count = error.size
        if counted is not None:
            keep = np.broadcast_to(counted, error.shape)
            error = np.where(keep, error, np.zeros((), error.dtype))
            count = np.count_nonzero(keep)
        count = max(count, 1)
        loss = float(np.sum(np.square(error, dtype=np.float64))) / count
        error *= 2.0 / count
    return loss, error
