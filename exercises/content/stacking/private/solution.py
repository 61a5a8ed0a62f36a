"""Bonus 4: stacked LSTM layers."""

import numpy as np

from lstm_ext import lstm_backward, lstm_forward


def parameters(input_size, hidden_size, num_layers):
    first = 4 * (hidden_size * (hidden_size + input_size) + hidden_size)
    other = 4 * (hidden_size * (hidden_size + hidden_size) + hidden_size)
    return first + (num_layers - 1) * other


class StackedLSTM:
    def __init__(self, input_size, hidden_size, num_layers):
        rng = np.random.default_rng()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.W = [rng.normal(0.0, 0.1, (4 * hidden_size, hidden_size + size)) for size in sizes]
        self.b = [np.zeros(4 * hidden_size) for _ in sizes]

    def forward(self, x, masks=None):
        self.caches, self.masks, final = [], masks, []
        h, top = x, len(self.W) - 1
        for layer, (W, b) in enumerate(zip(self.W, self.b)):
            h, c, cache = lstm_forward(h, None, None, W, b)
            self.caches.append(cache)
            final.append(h[-1].copy())
            if masks is not None and layer < top:
                h = h * masks[layer]
        return h, np.stack(final)

    def backward(self, dout):
        layers = len(self.W)
        dW, db = [None] * layers, [None] * layers
        dh = dout
        for layer in reversed(range(layers)):
            if self.masks is not None and layer < layers - 1:
                dh = dh * self.masks[layer]
            found = lstm_backward(dh, self.caches[layer])
            dW[layer], db[layer] = found["dW"], found["db"]
            dh = found["dx"]
        return {"dx": dh, "dW": dW, "db": db}
