import numpy as np


class RNNCell:
    def __init__(self, input_size, hidden_size):
        self.W_hh = np.random.randn(hidden_size, hidden_size) * 0.1
        self.W_xh = np.random.randn(hidden_size, input_size) * 0.1
        self.b = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        a = self.W_hh @ h_prev + self.W_xh @ x + self.b
        h = np.tanh(a)
        return h, (x, h_prev, h)

    def backward(self, dh, cache):
        x, h_prev, h = cache
        da = dh * (1 - h**2)
        return {
            "dW_hh": np.outer(da, h_prev),
            "dW_xh": np.outer(da, x),
            "db": da,
            "dx": self.W_xh.T @ da,
            "dh_prev": self.W_hh.T @ da,
        }
