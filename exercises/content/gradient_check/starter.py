"""Warm-up 2: a gradient check of your own. You will use it in the exercises that follow."""


def numerical_gradient(f, x, epsilon=1e-5):
    """The derivative of f at x by central differences: an array of the shape of x.

    f: takes an array like x, returns a number. x: float64 array of any shape, the same afterwards.
    """
    raise NotImplementedError("numerical_gradient")


def relative_error(a, b):
    """The length of a − b, divided by the larger of the lengths of a and b; 0 if both are zero. A number."""
    raise NotImplementedError("relative_error")


def check(f, gradient, x):
    """Whether gradient (an array of the shape of x) is the derivative of f at x: True or False."""
    raise NotImplementedError("check")
