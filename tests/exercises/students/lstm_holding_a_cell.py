import numpy as np


def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        self.H = hidden_size
        self.params = {}
        for k in "fico":
            self.params["W" + k] = np.random.randn(hidden_size, hidden_size + input_size)
            self.params["b" + k] = np.zeros(hidden_size)

    def gate(self, k, z, act):
        return act(self.params["W" + k] @ z + self.params["b" + k])

    def forward(self, x, h_prev, c_prev):
        z = np.hstack([h_prev, x])
        f = self.gate("f", z, sigmoid)
        i = self.gate("i", z, sigmoid)
        g = self.gate("c", z, np.tanh)
        o = self.gate("o", z, sigmoid)
        c = np.multiply(f, c_prev)
        c += i * g
        h = o * np.tanh(c)
        return h, c, dict(z=z, f=f, i=i, g=g, o=o, c=c, c_prev=c_prev)

    def backward(self, dh, dc, cache):
        z, f, i, g, o, c, c_prev = [cache[k] for k in ("z", "f", "i", "g", "o", "c", "c_prev")]
        tc = np.tanh(c)
        dc = dc + dh * o * (1 - tc**2)
        d = {
            "f": dc * c_prev * f * (1 - f),
            "i": dc * g * i * (1 - i),
            "c": dc * i * (1 - g * g),
            "o": dh * tc * o * (1 - o),
        }
        grads = {}
        dz = np.zeros_like(z)
        for k in "fico":
            grads["dW" + k] = np.outer(d[k], z)
            grads["db" + k] = d[k]
            dz += self.params["W" + k].T @ d[k]
        grads["dx"] = dz[self.H :]
        grads["dh_prev"] = dz[: self.H]
        grads["dc_prev"] = dc * f
        return grads


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.cell = LSTMCell(input_size, hidden_size)
        self.D = input_size
        self.Wy = np.zeros((output_size, hidden_size))
        self.by = np.zeros(output_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        self.caches = []
        self.ps = []
        self.hs = []
        self.targets = targets
        h, c = h_prev, c_prev
        loss = 0
        for x, t in zip(inputs, targets):
            e = np.zeros(self.D)
            e[x] = 1
            h, c, cache = self.cell.forward(e, h, c)
            s = self.Wy @ h + self.by
            p = np.exp(s - s.max())
            p /= p.sum()
            loss -= np.log(p[t])
            self.caches.append(cache)
            self.ps.append(p)
            self.hs.append(h)
        return loss / len(inputs)

    def backward(self):
        T = len(self.ps)
        self.grads = {"dWy": np.zeros_like(self.Wy), "dby": np.zeros_like(self.by)}
        dh = np.zeros(self.cell.H)
        dc = np.zeros(self.cell.H)
        for cache, p, h, t in reversed(list(zip(self.caches, self.ps, self.hs, self.targets))):
            dy = p.copy()
            dy[t] -= 1
            dy = dy / T
            self.grads["dWy"] += np.outer(dy, h)
            self.grads["dby"] += dy
            g = self.cell.backward(self.Wy.T @ dy + dh, dc, cache)
            for k in g:
                if k in ("dx", "dh_prev", "dc_prev"):
                    continue
                self.grads[k] = self.grads.get(k, 0) + g[k]
            dh, dc = g["dh_prev"], g["dc_prev"]
