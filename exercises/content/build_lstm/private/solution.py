"""Exercise 1: an LSTM from scratch."""

import numpy as np

guess_updates_until_hello = None
guess_kept_after_50_steps = None

CELL_WEIGHTS = ["Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo"]


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def one_hot(symbol, size):
    x = np.zeros(size)
    x[symbol] = 1.0
    return x


class LSTMCell:
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

    def forward(self, x, h_prev, c_prev):
        hx = np.concatenate([h_prev, x])
        f = sigmoid(self.Wf @ hx + self.bf)
        i = sigmoid(self.Wi @ hx + self.bi)
        c_tilde = np.tanh(self.Wc @ hx + self.bc)
        o = sigmoid(self.Wo @ hx + self.bo)
        c = f * c_prev + i * c_tilde
        h = o * np.tanh(c)
        cache = {"hx": hx, "f": f, "i": i, "c_tilde": c_tilde, "o": o, "c_prev": c_prev, "c": c, "h": h}
        return h, c, cache

    def backward(self, dh, dc, cache):
        hx, f, i, c_tilde, o = cache["hx"], cache["f"], cache["i"], cache["c_tilde"], cache["o"]
        c_prev, c, h = cache["c_prev"], cache["c"], cache["h"]
        tanh_c = np.tanh(c)

        do = dh * tanh_c
        dc_all = dc + dh * o * (1 - tanh_c**2)
        df = dc_all * c_prev
        di = dc_all * c_tilde
        dc_tilde = dc_all * i
        dc_prev = dc_all * f

        da_f = df * f * (1 - f)
        da_i = di * i * (1 - i)
        da_c = dc_tilde * (1 - c_tilde**2)
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
            "dh_prev": dhx[: len(h)],
            "dx": dhx[len(h) :],
            "dc_prev": dc_prev,
        }


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.cell = LSTMCell(input_size, hidden_size)
        scale = 1 / np.sqrt(hidden_size)
        self.Wy = np.random.uniform(-scale, scale, (output_size, hidden_size))
        self.by = np.zeros(output_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        D = self.cell.Wf.shape[1] - len(h_prev)
        self.caches, self.h_states, self.c_states = [], [], []
        self.log_probs, self.targets = [], list(targets)
        h, c = h_prev, c_prev
        loss = 0.0
        for t in range(len(inputs)):
            h, c, cache = self.cell.forward(one_hot(inputs[t], D), h, c)
            y = self.Wy @ h + self.by
            y = y - np.max(y)
            log_p = y - np.log(np.sum(np.exp(y)))
            loss += -log_p[targets[t]]
            self.caches.append(cache)
            self.h_states.append(h)
            self.c_states.append(c)
            self.log_probs.append(log_p)
        return loss / len(inputs)

    def backward(self):
        T = len(self.targets)
        grads = {"d" + name: np.zeros_like(getattr(self.cell, name)) for name in CELL_WEIGHTS}
        grads["dWy"], grads["dby"] = np.zeros_like(self.Wy), np.zeros_like(self.by)
        dh_next, dc_next = np.zeros_like(self.h_states[0]), np.zeros_like(self.c_states[0])
        for t in reversed(range(T)):
            dy = np.exp(self.log_probs[t])
            dy[self.targets[t]] -= 1
            dy = dy / T
            grads["dWy"] += np.outer(dy, self.h_states[t])
            grads["dby"] += dy
            dh = self.Wy.T @ dy + dh_next
            step = self.cell.backward(dh, dc_next, self.caches[t])
            for name in CELL_WEIGHTS:
                grads["d" + name] += step["d" + name]
            dh_next = step["dh_prev"]
            dc_next = step["dc_prev"]
        grads["dh_prev"], grads["dc_prev"] = dh_next, dc_next
        return grads

    def update_weights(self, grads, learning_rate, max_norm):
        names = [*CELL_WEIGHTS, "Wy", "by"]
        norm = np.sqrt(sum(np.sum(grads["d" + name] ** 2) for name in names))
        factor = max_norm / norm if norm > max_norm else 1.0
        for name in names:
            owner = self.cell if name in CELL_WEIGHTS else self
            setattr(owner, name, getattr(owner, name) - learning_rate * factor * grads["d" + name])
