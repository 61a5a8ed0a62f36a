"""Bonus 1: a bidirectional LSTM."""

import numpy as np

from lstm_ext import lstm_backward, lstm_forward


def turned(x, lengths):
    """Every sequence turned round within its own length."""
    result = x.copy()
    for n, length in enumerate(lengths):
        result[:length, n] = x[:length, n][::-1]
    return result


class BiLSTM:
    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng()
        shape = (4 * hidden_size, hidden_size + input_size)
        self.W_forward, self.b_forward = rng.normal(0.0, 0.1, shape), np.zeros(4 * hidden_size)
        self.W_backward, self.b_backward = rng.normal(0.0, 0.1, shape), np.zeros(4 * hidden_size)

    def forward(self, x, lengths):
        self.lengths = lengths
        self.mask = (np.arange(len(x))[:, None] < np.array(lengths))[:, :, None]
        right, c, self.cache_right = lstm_forward(x, None, None, self.W_forward, self.b_forward)
        left, _, self.cache_left = lstm_forward(turned(x, lengths), None, None, self.W_backward, self.b_backward)
        out = np.concatenate([right, turned(left, lengths)], axis=2)
        return out * self.mask

    def backward(self, dout):
        dout = dout * self.mask
        H = dout.shape[2] // 2
        dright, dleft = dout[:, :, :H], turned(dout[:, :, H:], self.lengths)
        right = lstm_backward(dright, self.cache_right)
        left = lstm_backward(dleft, self.cache_left)
        dx = right["dx"] + turned(left["dx"], self.lengths)
        return {
            "dx": dx,
            "dW_forward": right["dW"],
            "db_forward": right["db"],
            "dW_backward": left["dW"],
            "db_backward": left["db"],
        }
