import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class LSTMCell:
    """One step, with a cache."""

    def __init__(self, input_size, hidden_size):
        self.H = hidden_size
        shape = (hidden_size, hidden_size + input_size)
        rng = np.random.default_rng(0)
        self.Wf, self.Wi, self.Wc, self.Wo = (rng.normal(0, 0.1, shape) for _ in range(4))
        self.bf = np.ones(hidden_size)
        self.bi, self.bc, self.bo = (np.zeros(hidden_size) for _ in range(3))

    def forward(self, x, h_prev, c_prev):
        hx = np.concatenate([h_prev, x])
        f = sigmoid(self.Wf @ hx + self.bf)
        i = sigmoid(self.Wi @ hx + self.bi)
        c_tilde = np.tanh(self.Wc @ hx + self.bc)
        c = f * c_prev + i * c_tilde
        o = sigmoid(self.Wo @ hx + self.bo)
        h = o * np.tanh(c)
        cache = {"hx": hx, "f": f, "i": i, "c_tilde": c_tilde, "o": o, "c": c, "c_prev": c_prev}
        return h, c, cache

    def backward(self, dh, dc, cache):
        hx, f, i, c_tilde, o = (cache[k] for k in ("hx", "f", "i", "c_tilde", "o"))
        c, c_prev = cache["c"], cache["c_prev"]
        tanh_c = np.tanh(c)
        do = dh * tanh_c * o * (1 - o)
        dc = dc + dh * o * (1 - tanh_c**2)
        df = dc * c_prev * f * (1 - f)
        di = dc * c_tilde * i * (1 - i)
        dc_tilde = dc * i * (1 - c_tilde**2)
        dhx = self.Wf.T @ df + self.Wi.T @ di + self.Wc.T @ dc_tilde + self.Wo.T @ do
        return {
            "dWf": np.outer(df, hx),
            "dWi": np.outer(di, hx),
            "dWc": np.outer(dc_tilde, hx),
            "dWo": np.outer(do, hx),
            "dbf": df,
            "dbi": di,
            "dbc": dc_tilde,
            "dbo": do,
            "dx": dhx[self.H :],
            "dh_prev": dhx[: self.H],
            "dc_prev": dc * f,
        }
