"""Bonus 1: a bidirectional LSTM."""

import numpy as np


class BiLSTM:
    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng()
        shape = (4 * hidden_size, hidden_size + input_size)
        self.W_forward, self.b_forward = rng.normal(0.0, 0.1, shape), np.zeros(4 * hidden_size)
        self.W_backward, self.b_backward = rng.normal(0.0, 0.1, shape), np.zeros(4 * hidden_size)

    def forward(self, x, lengths):
        """x: (T, B, D), lengths: B integers. Returns (T, B, 2H): left to right first; 0 at the padding."""
        raise NotImplementedError("BiLSTM.forward")

    def backward(self, dout):
        """dout: (T, B, 2H). Returns "dx" (T, B, D), "dW_forward", "db_forward", "dW_backward", "db_backward"."""
        raise NotImplementedError("BiLSTM.backward")
