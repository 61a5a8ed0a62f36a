"""B2: a plain recurrent network, and backpropagation through time."""

import numpy as np


class RNN:
    """h_t = tanh(W_xh·x_t + W_hh·h_{t-1} + b), y_t = W_hy·h_t + b_y"""

    def __init__(self, input_size, hidden_size, output_size):
        rng = np.random.default_rng()
        self.W_xh = rng.normal(0.0, 0.1, (hidden_size, input_size))
        self.W_hh = rng.normal(0.0, 0.1, (hidden_size, hidden_size))
        self.b = np.zeros(hidden_size)
        self.W_hy = rng.normal(0.0, 0.1, (output_size, hidden_size))
        self.b_y = np.zeros(output_size)

    def forward(self, xs, h0):
        """xs: (T, D), h0: (H,). Returns the outputs (T, K), and keeps what backward needs."""
        raise NotImplementedError("RNN.forward")

    def backward(self, douts):
        """douts: (T, K), the derivative of the loss with respect to each output.

        Returns a dictionary: "dW_xh", "dW_hh", "db", "dW_hy", "db_y", each of the shape of its array,
        "dh0" (H,) and "dxs" (T, D).
        """
        raise NotImplementedError("RNN.backward")
