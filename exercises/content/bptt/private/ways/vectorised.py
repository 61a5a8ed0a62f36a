"""Another right way: arrays for all steps, weight gradients as one product at the end."""

import numpy as np


class RNN:
    def __init__(self, input_size, hidden_size, output_size):
        self.W_xh = np.random.randn(hidden_size, input_size) * 0.1
        self.W_hh = np.random.randn(hidden_size, hidden_size) * 0.1
        self.W_hy = np.random.randn(output_size, hidden_size) * 0.1
        self.b, self.b_y = np.zeros(hidden_size), np.zeros(output_size)

    def forward(self, xs, h0):
        T = len(xs)
        states = np.empty((T + 1, len(h0)))
        states[0] = h0
        projected = xs @ self.W_xh.T + self.b
        for t in range(T):
            states[t + 1] = np.tanh(projected[t] + states[t] @ self.W_hh.T)
        self.saved = xs.copy(), states
        return states[1:] @ self.W_hy.T + self.b_y

    def backward(self, douts):
        xs, states = self.saved
        from_above = douts @ self.W_hy
        das = np.empty_like(from_above)
        carried = np.zeros(states.shape[1])
        for t in range(len(xs) - 1, -1, -1):
            das[t] = (from_above[t] + carried) * (1 - states[t + 1] * states[t + 1])
            carried = das[t] @ self.W_hh
        return dict(
            dW_xh=das.T @ xs,
            dW_hh=das.T @ states[:-1],
            db=das.sum(axis=0),
            dW_hy=douts.T @ states[1:],
            db_y=douts.sum(0),
            dh0=carried,
            dxs=das @ self.W_xh,
        )
