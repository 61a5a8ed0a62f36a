"""B1: a recurrent cell."""

import numpy as np


class RNNCell:
    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng()
        self.W_hh = rng.normal(0.0, 0.1, (hidden_size, hidden_size))
        self.W_xh = rng.normal(0.0, 0.1, (hidden_size, input_size))
        self.b = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        a = self.W_hh @ h_prev + self.W_xh @ x + self.b
        h = np.tanh(a)
        return h
