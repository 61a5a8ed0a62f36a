"""Bonus 2: an LSTM whose gates see the memory.

    lstm-lab learn check peephole                             how far you are
    lstm-lab train --data hamlet --peephole                   the lab's own

Below is the plain LSTM of exercise 1, with the new weights pf, pi and po (H,) that nothing uses yet.
"""

import numpy as np


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


class PeepholeLSTMCell:
    """One step of an LSTM with peepholes: forward, and back."""

    def __init__(self, input_size, hidden_size):
        """Wf, Wi, Wc, Wo: (H, H+D), their columns in the order [h, x]. bf, bi, bc, bo, pf, pi, po: (H,)."""
        scale = 1 / np.sqrt(hidden_size)
        shape = (hidden_size, hidden_size + input_size)
        self.Wf = np.random.uniform(-scale, scale, shape)
        self.Wi = np.random.uniform(-scale, scale, shape)
        self.Wc = np.random.uniform(-scale, scale, shape)
        self.Wo = np.random.uniform(-scale, scale, shape)
        self.bf = np.ones(hidden_size)
        self.bi = np.zeros(hidden_size)
        self.bc = np.zeros(hidden_size)
        self.bo = np.zeros(hidden_size)
        self.pf = np.zeros(hidden_size)
        self.pi = np.zeros(hidden_size)
        self.po = np.zeros(hidden_size)

    def forward(self, x, h_prev, c_prev):
        """One step from x (D,), h_prev (H,), c_prev (H,). Returns h (H,), c (H,), cache."""
        hx = np.concatenate([h_prev, x])
        f = sigmoid(self.Wf @ hx + self.bf)
        i = sigmoid(self.Wi @ hx + self.bi)
        c_tilde = np.tanh(self.Wc @ hx + self.bc)
        o = sigmoid(self.Wo @ hx + self.bo)
        c = f * c_prev + i * c_tilde
        h = o * np.tanh(c)
        cache = {"hx": hx, "f": f, "i": i, "c_tilde": c_tilde, "o": o, "c_prev": c_prev, "c": c}
        return h, c, cache

    def backward(self, dh, dc, cache):
        """One step back from dh (H,) and dc (H,).

        Returns a dictionary: "dWf" … "dWo" (H, H+D), "dbf" … "dbo" (H,), "dpf", "dpi", "dpo" (H,), "dh_prev" (H,),
        "dc_prev" (H,), "dx" (D,).
        """
        hx, f, i, c_tilde, o = cache["hx"], cache["f"], cache["i"], cache["c_tilde"], cache["o"]
        c_prev, c = cache["c_prev"], cache["c"]
        H = len(c)
        tanh_c = np.tanh(c)

        do = dh * tanh_c
        dc_all = dc + dh * o * (1 - tanh_c**2)
        df = dc_all * c_prev
        di = dc_all * c_tilde
        dc_prev = dc_all * f
        da_f = df * f * (1 - f)
        da_i = di * i * (1 - i)
        da_c = dc_all * i * (1 - c_tilde**2)
        da_o = do * o * (1 - o)

        dhx = self.Wf.T @ da_f + self.Wi.T @ da_i + self.Wc.T @ da_c + self.Wo.T @ da_o
        return {
            "dWf": np.outer(da_f, hx),
            "dWi": np.outer(da_i, hx),
            "dWc": np.outer(da_c, hx),
            "dWo": np.outer(da_o, hx),
            "dbf": da_f,
            "dbi": da_i,
            "dbc": da_c,
            "dbo": da_o,
            "dh_prev": dhx[:H],
            "dx": dhx[H:],
            "dc_prev": dc_prev,
        }


def extra_parameters(hidden_size):
    """How many numbers peepholes add to a layer: (diagonal ones as here, dense ones with [h, x, C])."""
    raise NotImplementedError("extra_parameters")
