"""What the learner guesses: the gradient through 50 layers, with one matrix or with many."""

from __future__ import annotations

import math
from statistics import median

import numpy as np

LAYERS, UNITS, SEEDS = 50, 32, 15


def _left(shared: bool) -> float:
    """log10 of the share of the gradient that arrives: median of 15 seeds."""
    logarithms = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        bound = math.sqrt(6 / (UNITS + UNITS))
        matrices = list(rng.uniform(-bound, bound, (1 if shared else LAYERS, UNITS, UNITS)))
        matrices *= LAYERS // len(matrices)
        states = [rng.standard_normal(UNITS)]
        for matrix in matrices:
            # Every layer gets an input of its own, as every step of a recurrent net does.
            states.append(np.tanh(matrix @ states[-1] + rng.standard_normal(UNITS) * 0.3))
        top = gradient = rng.standard_normal(UNITS)
        for matrix, state in zip(reversed(matrices), reversed(states[1:]), strict=True):
            gradient = matrix.T @ (gradient * (1 - state**2))
        logarithms.append(math.log10(np.linalg.norm(gradient) / np.linalg.norm(top)))
    return median(logarithms)


def guess_shared() -> float:
    """With one matrix for all layers."""
    return _left(True)


def guess_separate() -> float:
    """With a matrix for each layer."""
    return _left(False)
