"""Bonus 4: stacked LSTM layers."""

import numpy as np


def parameters(input_size, hidden_size, num_layers):
    """How many weights and biases the layers have, all together."""
    raise NotImplementedError("parameters")


class StackedLSTM:
    def __init__(self, input_size, hidden_size, num_layers):
        rng = np.random.default_rng()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.W = [rng.normal(0.0, 0.1, (4 * hidden_size, hidden_size + size)) for size in sizes]
        self.b = [np.zeros(4 * hidden_size) for _ in sizes]

    def forward(self, x, masks=None):
        """x: (T, B, D); masks: L−1 arrays (T, B, H), or None for no dropout.

        Returns the top layer's h (T, B, H), and the final h of every layer (L, B, H).
        """
        raise NotImplementedError("StackedLSTM.forward")

    def backward(self, dout):
        """dout: (T, B, H), of the top layer. Returns "dx" (T, B, D), "dW" and "db": lists, one entry a layer."""
        raise NotImplementedError("StackedLSTM.backward")
