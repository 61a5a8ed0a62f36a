"""Find the bug: a gradient check, what it says about seven programs, and the right program."""

from types import SimpleNamespace

import numpy as np

VERSION = 1
EPSILON = 1e-5

WEIGHTS = ["dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo"]
ANSWERS = {
    1: (["dWf", "dbf", "dh_prev"], [*WEIGHTS, "dh_prev", "dc_prev"], "df = dc * s.c"),
    2: (
        ["dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dh_prev", "dc_prev"],
        [*WEIGHTS, "dh_prev", "dc_prev"],
        "dc = dc_next + dh * s.o * (1 - s.c**2)",
    ),
    3: (["dc_prev"], [*WEIGHTS, "dh_prev", "dc_prev"], "dc_next = dc"),
    4: (
        ["dh_prev"],
        [*WEIGHTS, "dh_prev", "dc_prev"],
        'dhx = sum(p["W" + gate].T @ da[gate] for gate in "fic")',
    ),
    5: ([], [*WEIGHTS, "dh_prev", "dc_prev"], 'dh = p["Wy"].T @ dy'),
    6: (["dWf", "dWi", "dWc", "dWo"], ["dWf", "dWi", "dWc", "dWo"], "hx = np.concatenate([s.h, s.x])"),
    7: (["dWi", "dbi", "dh_prev"], [*WEIGHTS, "dh_prev", "dc_prev"], 'da["i"] = di * (1 - s.i)'),
}
wrong_after_one_step = ANSWERS[VERSION][0]
wrong_after_six_steps = ANSWERS[VERSION][1]
wrong_line = ANSWERS[VERSION][2]


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def relative_error(analytic, numerical):
    return np.linalg.norm(analytic - numerical) / (np.linalg.norm(numerical) + 1e-12)


def gradient_check(network, inputs, targets, h_prev, c_prev):
    h_prev, c_prev = h_prev.copy(), c_prev.copy()
    arrays = {"d" + name: array for name, array in network.params.items()}
    arrays["dh_prev"], arrays["dc_prev"] = h_prev, c_prev
    network.forward(inputs, targets, h_prev, c_prev)
    grads = network.backward()
    errors = {}
    for name, array in arrays.items():
        numerical = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + EPSILON
            above = network.forward(inputs, targets, h_prev, c_prev)
            array[place] = kept - EPSILON
            below = network.forward(inputs, targets, h_prev, c_prev)
            array[place] = kept
            numerical[place] = (above - below) / (2 * EPSILON)
        errors[name] = relative_error(grads[name], numerical)
    return errors


class LSTM:
    """The network of exercise 1 in one class: an LSTM over symbols, with a softmax at every step.

    params has all weights by name: Wf, Wi, Wc, Wo (H, H+D), bf, bi, bc, bo (H,), Wy (V, H), by (V,).
    """

    def __init__(self, input_size, hidden_size, output_size, seed=0):
        rng = np.random.default_rng(seed)
        self.D, self.H = input_size, hidden_size
        self.params = {}
        for gate in "fico":
            self.params["W" + gate] = rng.normal(0, 0.3, (hidden_size, hidden_size + input_size))
            self.params["b" + gate] = np.full(hidden_size, 1.0 if gate == "f" else 0.0)
        self.params["Wy"] = rng.normal(0, 0.3, (output_size, hidden_size))
        self.params["by"] = np.zeros(output_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        """The mean loss over the T symbols, in nats, from the states h_prev and c_prev (H,)."""
        p = self.params
        self.steps = []
        loss = 0.0
        h, c = h_prev, c_prev
        for symbol, target in zip(inputs, targets):
            x, h_prev, c_prev = np.eye(self.D)[symbol], h, c
            a = {gate: p["W" + gate] @ np.concatenate([h_prev, x]) + p["b" + gate] for gate in "fico"}
            f, i, o = sigmoid(a["f"]), sigmoid(a["i"]), sigmoid(a["o"])
            c_tilde = np.tanh(a["c"])
            c = f * c_prev + i * c_tilde
            h = o * np.tanh(c)
            y = p["Wy"] @ h + p["by"]
            log_p = y - y.max() - np.log(np.sum(np.exp(y - y.max())))
            loss -= log_p[target]
            step = SimpleNamespace(x=x, h_prev=h_prev, c_prev=c_prev, f=f, i=i, c_tilde=c_tilde, o=o, c=c, h=h)
            step.log_p, step.target = log_p, target
            self.steps.append(step)
        return loss / len(self.steps)

    def backward(self):
        """The gradients of the last forward: "dWf" … "dby" with the weights' shapes, "dh_prev" and "dc_prev" (H,)."""
        p = self.params
        grads = {"d" + name: np.zeros_like(value) for name, value in p.items()}
        dh_next, dc_next = np.zeros(self.H), np.zeros(self.H)
        for s in reversed(self.steps):
            dy = (np.exp(s.log_p) - np.eye(len(s.log_p))[s.target]) / len(self.steps)
            grads["dWy"] += np.outer(dy, s.h)
            grads["dby"] += dy

            dh = p["Wy"].T @ dy + dh_next
            do = dh * np.tanh(s.c)
            dc = dc_next + dh * s.o * (1 - np.tanh(s.c) ** 2)
            df = dc * s.c_prev
            di = dc * s.c_tilde
            dc_tilde = dc * s.i

            da = {}
            da["f"] = df * s.f * (1 - s.f)
            da["i"] = di * s.i * (1 - s.i)
            da["c"] = dc_tilde * (1 - s.c_tilde**2)
            da["o"] = do * s.o * (1 - s.o)

            hx = np.concatenate([s.h_prev, s.x])
            for gate in "fico":
                grads["dW" + gate] += np.outer(da[gate], hx)
                grads["db" + gate] += da[gate]

            dhx = sum(p["W" + gate].T @ da[gate] for gate in "fico")
            dh_next = dhx[: self.H]
            dc_next = dc * s.f
        grads["dh_prev"], grads["dc_prev"] = dh_next, dc_next
        return grads
