"""Another right way: one product for all gates; the peepholes as the diagonal of a matrix."""

import numpy as np


def squash(a):
    return 0.5 * (1 + np.tanh(a / 2))


class PeepholeLSTMCell:
    def __init__(self, input_size, hidden_size):
        for gate in "fico":
            setattr(self, "W" + gate, 0.1 * np.random.randn(hidden_size, hidden_size + input_size))
            setattr(self, "b" + gate, np.zeros(hidden_size))
        for gate in "fio":
            setattr(self, "p" + gate, np.zeros(hidden_size))

    def stacked(self):
        return np.vstack([self.Wf, self.Wi, self.Wc, self.Wo]), np.hstack([self.bf, self.bi, self.bc, self.bo])

    def forward(self, x, h_prev, c_prev):
        W, b = self.stacked()
        z = np.r_[h_prev, x]
        a = (W @ z + b).reshape(4, -1)
        f = squash(a[0] + np.diag(self.pf) @ c_prev)
        i = squash(a[1] + np.diag(self.pi) @ c_prev)
        g = np.tanh(a[2])
        c = c_prev * f + g * i
        o = squash(a[3] + np.diag(self.po) @ c)
        t = np.tanh(c)
        return t * o, c, {"f": f, "i": i, "c_tilde": g, "o": o, "z": z, "t": t, "new": c, "old": c_prev.copy()}

    def backward(self, dh, dc, cache):
        f, i, g, o, z, t, new, old = (cache[k] for k in ("f", "i", "c_tilde", "o", "z", "t", "new", "old"))
        a_o = dh * t * o * (1 - o)
        dc = dc + dh * o * (1 - t * t) + np.diag(self.po).T @ a_o
        a_f, a_i, a_c = dc * old * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g * g)
        da = np.concatenate([a_f, a_i, a_c, a_o])
        dW, dz = np.outer(da, z), self.stacked()[0].T @ da
        H = len(f)
        grads = {"dh_prev": dz[:H], "dx": dz[H:], "dc_prev": dc * f + self.pf * a_f + self.pi * a_i}
        for n, gate in enumerate("fico"):
            grads["dW" + gate], grads["db" + gate] = dW[n * H : (n + 1) * H], da[n * H : (n + 1) * H]
        return {**grads, "dpf": a_f * old, "dpi": a_i * old, "dpo": a_o * new}


def extra_parameters(hidden_size):
    return [hidden_size * 3, hidden_size**2 * 3]
