"""Another right way: only inputs and states are kept; the gates are computed again on the way back."""

import numpy as np


def sigmoid(a):
    return np.exp(-np.logaddexp(0, -np.asarray(a, dtype=float)))


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng()
        for gate in ("f", "i", "c", "o"):
            setattr(self, f"W{gate}", rng.normal(0, 0.2, (hidden_size, hidden_size + input_size)))
            setattr(self, f"b{gate}", np.zeros(hidden_size))
        self.bf += 1

    def _gates(self, hx):
        return (
            sigmoid(self.Wf.dot(hx) + self.bf),
            sigmoid(self.Wi.dot(hx) + self.bi),
            np.tanh(self.Wc.dot(hx) + self.bc),
            sigmoid(self.Wo.dot(hx) + self.bo),
        )

    def forward(self, x, h_prev, c_prev):
        f, i, g, o = self._gates(np.append(h_prev, x))
        c = f * c_prev + i * g
        names = {"f": f, "i": i, "c_tilde": g, "o": o}
        return o * np.tanh(c), c, {**names, "x": x.copy(), "h_prev": h_prev.copy(), "c_prev": c_prev.copy()}

    def backward(self, dh, dc, cache):
        hx, c_prev = np.append(cache["h_prev"], cache["x"]), cache["c_prev"]
        f, i, g, o = self._gates(hx)
        t = np.tanh(f * c_prev + i * g)
        dc = dc + dh * o * (1 - t) * (1 + t)
        da = {"f": dc * c_prev * f * (1 - f), "i": dc * g * i * (1 - i), "c": dc * i * (1 - g**2)}
        da["o"] = dh * t * o * (1 - o)
        dhx = sum(getattr(self, f"W{gate}").T.dot(value) for gate, value in da.items())
        grads = {f"dW{gate}": value[:, None] * hx[None, :] for gate, value in da.items()}
        grads.update({f"db{gate}": value for gate, value in da.items()})
        H = len(dh)
        grads.update(dh_prev=dhx[:H], dx=dhx[H:], dc_prev=dc * f)
        return grads


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.input_size = input_size
        self.cell = LSTMCell(input_size, hidden_size)
        self.Wy = np.random.normal(0, 0.2, (output_size, hidden_size))
        self.by = np.zeros(output_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        self.targets, self.h_states, self.c_states, self.caches = targets, [], [], []
        h, c = h_prev.copy(), c_prev.copy()
        losses = []
        for symbol, target in zip(inputs, targets):
            h, c, cache = self.cell.forward(np.eye(self.input_size)[symbol], h, c)
            y = self.Wy.dot(h) + self.by
            losses.append(np.logaddexp.reduce(y) - y[target])
            self.h_states.append(h.copy())
            self.c_states.append(c.copy())
            self.caches.append(cache)
        return float(np.mean(losses))

    def backward(self):
        T, H = len(self.targets), len(self.h_states[0])
        dh, dc, steps = np.zeros(H), np.zeros(H), []
        for t in range(T - 1, -1, -1):
            y = self.Wy.dot(self.h_states[t]) + self.by
            dy = (np.exp(y - np.logaddexp.reduce(y)) - np.eye(len(y))[self.targets[t]]) / T
            step = self.cell.backward(dh + dy.dot(self.Wy), dc, self.caches[t])
            step.update(dWy=np.outer(dy, self.h_states[t]), dby=dy)
            dh, dc = step["dh_prev"], step["dc_prev"]
            steps.append(step)
        grads = {
            name: sum(step[name] for step in steps) for name in steps[0] if name not in ("dx", "dh_prev", "dc_prev")
        }
        return {**grads, "dh_prev": dh, "dc_prev": dc}

    def update_weights(self, grads, learning_rate, max_norm):
        weights = {"d" + name: (owner, name) for owner in (self.cell, self) for name in vars(owner) if name[0] in "Wb"}
        total = sum(float(np.vdot(grads[key], grads[key])) for key in weights) ** 0.5
        for key, (owner, name) in weights.items():
            setattr(owner, name, getattr(owner, name) - learning_rate / max(1.0, total / max_norm) * grads[key])
