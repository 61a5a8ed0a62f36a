"""Another right way: another step, a dictionary of differences, a limit of its own."""

import numpy as np


def numerical_gradient(f, x, epsilon=1e-5):
    def slope(place):
        step = np.zeros(x.shape)
        step[place] = 3e-6
        return (f(x + step) - f(x - step)) / 6e-6

    values = {place: slope(place) for place in np.ndindex(*x.shape)}
    return np.array(list(values.values())).reshape(x.shape)


def relative_error(a, b):
    difference = np.sqrt(np.sum((np.asarray(a) - np.asarray(b)) ** 2))
    sizes = [np.sqrt(np.sum(np.asarray(v) ** 2)) for v in (a, b)]
    return difference / max(sizes) if max(sizes) > 0 else 0


def check(f, gradient, x):
    return bool(relative_error(gradient, numerical_gradient(f, x)) <= 3e-6)
