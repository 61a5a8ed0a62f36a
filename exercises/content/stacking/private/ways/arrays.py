"""Another right way: everything in dictionaries by layer; the masks are ones where there are none."""

import numpy as np
from lstm_ext.nn.functional import lstm_backward, lstm_forward


def parameters(input_size, hidden_size, num_layers):
    D, H, L = input_size, hidden_size, num_layers
    return 4 * H * (D + H + 1) + 4 * (L - 1) * H * (2 * H + 1)


class StackedLSTM:
    def __init__(self, input_size, hidden_size, num_layers):
        H = hidden_size
        self.W = [0.1 * np.random.randn(4 * H, H + (input_size, H)[k > 0]) for k in range(num_layers)]
        self.b = [np.zeros(4 * H) for k in range(num_layers)]

    def forward(self, x, masks=None):
        outputs, self.kept = {-1: x}, {}
        for k in range(len(self.W)):
            below = outputs[k - 1]
            if k > 0 and masks is not None:
                below = below * masks[k - 1]
            outputs[k], _, self.kept[k] = lstm_forward(below, None, None, self.W[k], self.b[k])
        self.m = masks
        return outputs[len(self.W) - 1], np.array([outputs[k][-1] for k in range(len(self.W))])

    def backward(self, dout):
        dW, db = {}, {}
        d = dout
        for k in range(len(self.W) - 1, -1, -1):
            g = lstm_backward(d, self.kept[k])
            dW[k], db[k], d = g["dW"], g["db"], g["dx"]
            if k > 0 and self.m is not None:
                d = self.m[k - 1] * d
        return {"dW": [dW[k] for k in sorted(dW)], "db": [db[k] for k in sorted(db)], "dx": d}
