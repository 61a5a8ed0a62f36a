"""A gradient check."""

import numpy as np


def numerical_gradient(f, x, epsilon=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        plus, minus = x.copy(), x.copy()
        plus[place] += epsilon
        minus[place] -= epsilon
        gradient[place] = (f(plus) - f(minus)) / (2 * epsilon)
    return gradient


def relative_error(a, b):
    size = max(np.linalg.norm(a), np.linalg.norm(b))
    if size == 0:
        return 0.0
    return np.linalg.norm(a - b) / size


def check(f, gradient, x):
    numerical = numerical_gradient(f, x)
    return relative_error(gradient, numerical) < 1e-6
