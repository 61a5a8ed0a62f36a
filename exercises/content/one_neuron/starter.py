"""Warm-up 1: one neuron, forward and backward."""


def forward(w, b, x, target):
    """a = w·x + b, y = tanh(a), loss = (y − target)²/2.

    w, x: arrays (D,); b, target: numbers. Returns (loss, y).
    """
    raise NotImplementedError("forward")


def backward(w, b, x, target):
    """How the loss changes with each of them: a dictionary with "dw" (D,), "db" (a number), "dx" (D,)."""
    raise NotImplementedError("backward")
