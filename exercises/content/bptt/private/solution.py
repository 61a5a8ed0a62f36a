"""B2: a plain recurrent network, and backpropagation through time."""

import numpy as np


class RNN:
    def __init__(self, input_size, hidden_size, output_size):
        rng = np.random.default_rng()
        self.W_xh = rng.normal(0.0, 0.1, (hidden_size, input_size))
        self.W_hh = rng.normal(0.0, 0.1, (hidden_size, hidden_size))
        self.b = np.zeros(hidden_size)
        self.W_hy = rng.normal(0.0, 0.1, (output_size, hidden_size))
        self.b_y = np.zeros(output_size)

    def forward(self, xs, h0):
        self.xs = xs
        self.hs = [h0]
        ys = []
        for x in xs:
            h = np.tanh(self.W_xh @ x + self.W_hh @ self.hs[-1] + self.b)
            self.hs.append(h)
            ys.append(self.W_hy @ h + self.b_y)
        return np.array(ys)

    def backward(self, douts):
        g = {"d" + name: np.zeros_like(getattr(self, name)) for name in ("W_xh", "W_hh", "b", "W_hy", "b_y")}
        g["dxs"] = np.zeros_like(self.xs)
        dh_next = np.zeros_like(self.hs[0])
        for t in reversed(range(len(self.xs))):
            h, h_prev = self.hs[t + 1], self.hs[t]
            dy = douts[t]
            g["dW_hy"] += np.outer(dy, h)
            g["db_y"] += dy
            dh = self.W_hy.T @ dy + dh_next
            da = dh * (1 - h**2)
            g["dW_xh"] += np.outer(da, self.xs[t])
            g["dW_hh"] += np.outer(da, h_prev)
            g["db"] += da
            g["dxs"][t] = self.W_xh.T @ da
            dh_next = self.W_hh.T @ da
        g["dh0"] = dh_next
        return g
