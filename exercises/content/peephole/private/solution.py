"""Bonus 2: an LSTM whose gates see the memory."""

import numpy as np


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


class PeepholeLSTMCell:
    def __init__(self, input_size, hidden_size):
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
        hx = np.concatenate([h_prev, x])
        f = sigmoid(self.Wf @ hx + self.bf + self.pf * c_prev)
        i = sigmoid(self.Wi @ hx + self.bi + self.pi * c_prev)
        c_tilde = np.tanh(self.Wc @ hx + self.bc)
        c = f * c_prev + i * c_tilde
        o = sigmoid(self.Wo @ hx + self.bo + self.po * c)
        h = o * np.tanh(c)
        cache = {"hx": hx, "f": f, "i": i, "c_tilde": c_tilde, "o": o, "c_prev": c_prev, "c": c}
        return h, c, cache

    def backward(self, dh, dc, cache):
        hx, f, i, c_tilde, o = cache["hx"], cache["f"], cache["i"], cache["c_tilde"], cache["o"]
        c_prev, c = cache["c_prev"], cache["c"]
        H = len(c)
        tanh_c = np.tanh(c)

        do = dh * tanh_c
        da_o = do * o * (1 - o)
        dc_all = dc + dh * o * (1 - tanh_c**2) + da_o * self.po
        df = dc_all * c_prev
        di = dc_all * c_tilde
        da_f = df * f * (1 - f)
        da_i = di * i * (1 - i)
        da_c = dc_all * i * (1 - c_tilde**2)
        dc_prev = dc_all * f + da_f * self.pf + da_i * self.pi

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
            "dpf": da_f * c_prev,
            "dpi": da_i * c_prev,
            "dpo": da_o * c,
            "dh_prev": dhx[:H],
            "dx": dhx[H:],
            "dc_prev": dc_prev,
        }


def extra_parameters(hidden_size):
    return 3 * hidden_size, 3 * hidden_size * hidden_size
