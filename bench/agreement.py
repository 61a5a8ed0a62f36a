"""Whether a contender computes the right thing. The reference is the NumPy twin in float64."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .contender import Sampler, Trainer

#: Largest ‖difference‖ / ‖reference‖ of the loss and of each gradient array, float32.
TOLERANCE = 1e-4
#: The same for the losses of a round of updates, which move the loss only a little: rounding makes
#: 1e-7 here, half the learning rate 5e-4. Rounds of one step, at large batches, say nothing new.
UPDATED_TOLERANCE = 1e-5
#: Symbols that samplers draw greedily to be compared.
GREEDY_LENGTH = 40

Results = tuple[float, Mapping[str, np.ndarray]]


def training_disagreement(trainer: Trainer, expected: Results, expected_losses: np.ndarray) -> str | None:
    """How ``trainer`` differs, or None. It trains one round, and so is warm afterwards.

    ``expected`` are loss and gradients of the first batch, ``expected_losses`` those of the first
    round of updates.
    """
    problem = disagreement(trainer.loss_and_gradients(), expected)
    losses = trainer.train()
    if problem is None and trainer.same_parameters:
        problem = _difference("losses of the first updates", losses, expected_losses, UPDATED_TOLERANCE)
    return problem


def disagreement(found: Results, expected: Results) -> str | None:
    """What differs by more than ``TOLERANCE``, the loss or the first such gradient, or None."""
    problem = _difference("loss", np.array(found[0]), np.array(expected[0]), TOLERANCE)
    if problem is None and found[1].keys() != expected[1].keys():
        problem = f"gradients are of {', '.join(found[1])}, expected {', '.join(expected[1])}"
    for name, array in expected[1].items():
        problem = problem or _difference(f"gradient of {name}", found[1][name], array, TOLERANCE)
    return problem


def sampling_disagreement(sampler: Sampler, expected: np.ndarray) -> str | None:
    """Where ``sampler``, always choosing the likeliest symbol, leaves ``expected``, or None. Warms it up."""
    drawn = sampler.greedy(len(expected))
    sampler.draw()
    if drawn.shape != expected.shape:
        return f"draws {drawn.shape} symbols, expected {expected.shape}"
    wrong = np.flatnonzero(drawn != expected)
    return f"draws symbol {drawn[wrong[0]]} as number {wrong[0]}, expected {expected[wrong[0]]}" if wrong.size else None


def _difference(name: str, found: np.ndarray, expected: np.ndarray, tolerance: float) -> str | None:
    if found.shape != expected.shape:
        return f"{name}: shape {found.shape}, expected {expected.shape}"
    error = float(np.linalg.norm(found.astype(np.float64) - expected) / (np.linalg.norm(expected) + 1e-30))
    return None if error <= tolerance else f"{name}: relative error {error:.1e}, at most {tolerance:g} allowed"
