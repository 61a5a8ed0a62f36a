"""Find the bug: this network learns "hello" as fast as a right one. One line of its backward pass is wrong.

    lstm-lab learn check find_the_bug        how far you are
    python find_the_bug.py                   watch it learn; then your gradient check, when it is written

Write the gradient check, find the wrong line with it, and fix it. `lstm-lab learn reset find_the_bug` may give you
another line.
"""

from types import SimpleNamespace

import numpy as np

VERSION = 1  # which line it is; the grader needs this number

# What your gradient check found: names such as "dWf" or "dh_prev". [] means none.
wrong_after_one_step = None  # with a sequence of one symbol
wrong_after_six_steps = None  # with a sequence of six symbols
# The wrong line as it stood in this file, copied into quotes: """x = y"""
wrong_line = None


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def gradient_check(network, inputs, targets, h_prev, c_prev):
    """Compare network.backward() with central differences of network.forward(inputs, targets, h_prev, c_prev).

    network has params, a dictionary of arrays, forward and backward, as LSTM below. All entries of all weights are
    checked, and those of h_prev and c_prev. Afterwards everything is as it was.
    Returns a dictionary with the relative error for each entry of network.backward(): "dWf" … "dby", "dh_prev",
    "dc_prev". The error is about 1e-9 where the gradient is right, and above 1e-4 where it is not.
    """
    raise NotImplementedError("gradient_check")


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
            df = dc * s.c
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


if __name__ == "__main__":
    letters = " ehlo"
    inputs, targets = [letters.index(s) for s in "hello"], [letters.index(s) for s in "ello "]
    network = LSTM(len(letters), 16, len(letters))
    for update in range(31):
        loss = network.forward(inputs, targets, np.zeros(16), np.zeros(16))
        if update % 5 == 0:
            said = "".join(letters[np.argmax(network.params["Wy"] @ s.h + network.params["by"])] for s in network.steps)
            print(f"update {update:2}   loss {loss:.4f}   {said!r}")
        grads = network.backward()
        for name, array in network.params.items():
            array -= grads["d" + name]  # a learning rate of 1

    rng = np.random.default_rng(1)
    for T in (1, 6):
        network = LSTM(3, 4, 5)
        symbols, h, c = rng.integers(0, 3, (2, T)), rng.normal(size=4), rng.normal(size=4)
        print(f"\n{T} step(s)")
        for name, error in gradient_check(network, symbols[0], symbols[1], h, c).items():
            print(f"{name:<8} {error:.1e}")
