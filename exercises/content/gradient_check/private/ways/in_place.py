"""Another right way: x is moved and put back; other names; a flat view."""

import numpy as np


def numerical_gradient(f, x, epsilon=1e-5):
    point = np.array(x, dtype=float)
    flat = point.reshape(-1)
    slopes = []
    for k in range(flat.size):
        old = flat[k]
        flat[k] = old + epsilon
        above = f(point)
        flat[k] = old - epsilon
        below = f(point)
        flat[k] = old
        slopes.append((above - below) / (2 * epsilon))
    return np.array(slopes).reshape(np.shape(x))


def relative_error(a, b):
    a, b = np.ravel(a), np.ravel(b)
    largest = np.sqrt(max(a @ a, b @ b))
    return float(np.sqrt((a - b) @ (a - b)) / largest) if largest else 0.0


def check(f, gradient, x):
    if relative_error(gradient, numerical_gradient(f, x)) < 1e-6:
        return True
    return False
