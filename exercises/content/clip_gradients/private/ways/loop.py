"""Another right way: a loop, and PyTorch's small constant in the denominator."""

import math

import numpy as np


def clip_gradients(grads, max_norm):
    total = 0.0
    for gradient in grads:
        total += float((np.asarray(gradient) * np.asarray(gradient)).sum())
    coefficient = max_norm / (math.sqrt(total) + 1e-12)
    result = []
    for gradient in grads:
        result.append(np.array(gradient) * coefficient if coefficient < 1 else np.array(gradient))
    return tuple(result)
