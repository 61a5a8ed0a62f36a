"""Another right way: every sequence by itself, without padding."""

import numpy as np

from lstm_ext import lstm_backward, lstm_forward


class BiLSTM:
    def __init__(self, input_size, hidden_size):
        self.W_forward = np.random.uniform(-0.1, 0.1, (4 * hidden_size, hidden_size + input_size))
        self.W_backward = np.random.uniform(-0.1, 0.1, (4 * hidden_size, hidden_size + input_size))
        self.b_forward, self.b_backward = np.zeros(4 * hidden_size), np.zeros(4 * hidden_size)

    def forward(self, x, lengths):
        T, B, D = x.shape
        H = len(self.b_forward) // 4
        out = np.zeros((T, B, 2 * H))
        self.runs = []
        for n in range(B):
            own = x[: lengths[n], n : n + 1]
            a = lstm_forward(own, None, None, self.W_forward, self.b_forward)
            b = lstm_forward(own[::-1].copy(), None, None, self.W_backward, self.b_backward)
            out[: lengths[n], n, :H] = a[0][:, 0]
            out[: lengths[n], n, H:] = b[0][::-1, 0]
            self.runs.append((lengths[n], a[2], b[2]))
        self.shape = x.shape
        return out

    def backward(self, dout):
        H = dout.shape[2] // 2
        result = {"dx": np.zeros(self.shape), "dW_forward": 0, "db_forward": 0, "dW_backward": 0, "db_backward": 0}
        for n, (length, a, b) in enumerate(self.runs):
            one = lstm_backward(dout[:length, n : n + 1, :H].copy(), a)
            two = lstm_backward(dout[:length, n : n + 1, H:][::-1].copy(), b)
            result["dx"][:length, n] += one["dx"][:, 0] + two["dx"][::-1, 0]
            for name, part in (("forward", one), ("backward", two)):
                result["dW_" + name] = result["dW_" + name] + part["dW"]
                result["db_" + name] = result["db_" + name] + part["db"]
        return result
