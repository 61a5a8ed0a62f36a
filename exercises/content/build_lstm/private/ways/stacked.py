"""Another right way: one matrix product for all gates; the weight gradients of a sequence in one product at the end."""

import numpy as np

NAMES = "fico"


def sigmoid(a):
    return 0.5 * (1 + np.tanh(np.asarray(a) / 2))


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        self.H = hidden_size
        for name in NAMES:
            weights = np.random.randn(hidden_size, hidden_size + input_size) / np.sqrt(hidden_size + input_size)
            setattr(self, "W" + name, weights)
            setattr(self, "b" + name, np.full(hidden_size, 1.0 if name == "f" else 0.0))

    def _stacked(self):
        W = np.vstack([getattr(self, "W" + name) for name in NAMES])
        return W, np.concatenate([getattr(self, "b" + name) for name in NAMES])

    def forward(self, x, h_prev, c_prev):
        W, b = self._stacked()
        z = np.hstack((h_prev, x))
        f, i, g, o = (W @ z + b).reshape(4, self.H)
        f, i, g, o = sigmoid(f), sigmoid(i), np.tanh(g), sigmoid(o)
        c = f * c_prev + i * g
        t = np.tanh(c)
        return o * t, c, {"z": z, "f": f, "i": i, "c_tilde": g, "o": o, "t": t, "c_prev": np.array(c_prev)}

    def slopes(self, dh, dc, k):
        f, i, g, o, t = k["f"], k["i"], k["c_tilde"], k["o"], k["t"]
        dc = dc + dh * o * (1 - t * t)
        da = np.concatenate(
            [dc * k["c_prev"] * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g * g), dh * t * o * (1 - o)]
        )
        back = self._stacked()[0].T @ da
        return da, back[: self.H], back[self.H :], dc * f

    def backward(self, dh, dc, cache):
        da, dh_prev, dx, dc_prev = self.slopes(dh, dc, cache)
        return {"dh_prev": dh_prev, "dx": dx, "dc_prev": dc_prev} | self.weight_gradients([da], [cache["z"]])

    def weight_gradients(self, das, zs):
        das, zs = np.array(das), np.array(zs)
        dW, db = das.T @ zs, das.sum(axis=0)
        grads = {}
        for n, name in enumerate(NAMES):
            rows = slice(n * self.H, (n + 1) * self.H)
            grads["dW" + name], grads["db" + name] = dW[rows], db[rows]
        return grads


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.D = input_size
        self.cell = LSTMCell(input_size, hidden_size)
        self.Wy = np.random.randn(output_size, hidden_size) * 0.1
        self.by = np.zeros(output_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        xs = np.eye(self.D)[list(inputs)]
        self.k, self.targets = [], np.array(targets)
        states = [(h_prev, c_prev)]
        for x in xs:
            h, c, k = self.cell.forward(x, *states[-1])
            states.append((h, c))
            self.k.append(k)
        self.h_states = np.array([h for h, _ in states[1:]])
        self.c_states = np.array([c for _, c in states[1:]])
        y = self.h_states @ self.Wy.T + self.by
        y -= y.max(axis=1, keepdims=True)
        self.log_p = y - np.log(np.exp(y).sum(axis=1, keepdims=True))
        return -self.log_p[np.arange(len(xs)), self.targets].mean()

    def backward(self):
        T = len(self.k)
        dy = np.exp(self.log_p)
        dy[np.arange(T), self.targets] -= 1
        dy /= T
        from_scores = dy @ self.Wy
        dh = dc = np.zeros(self.cell.H)
        das = []
        for t in range(T - 1, -1, -1):
            da, dh, _, dc = self.cell.slopes(from_scores[t] + dh, dc, self.k[t])
            das.insert(0, da)
        grads = self.cell.weight_gradients(das, [k["z"] for k in self.k])
        return grads | {"dWy": dy.T @ self.h_states, "dby": dy.sum(0), "dh_prev": dh, "dc_prev": dc}

    def update_weights(self, grads, learning_rate, max_norm):
        keys = ["d" + kind + name for kind in "Wb" for name in NAMES + "y"]
        norm = np.linalg.norm(np.concatenate([np.ravel(grads[key]) for key in keys]))
        step = learning_rate * min(1.0, max_norm / (norm + 1e-12))
        for key in keys:
            owner = self if key[-1] == "y" else self.cell
            weights = getattr(owner, key[1:])
            weights -= step * grads[key]
