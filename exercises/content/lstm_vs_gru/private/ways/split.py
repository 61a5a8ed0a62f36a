"""Another right way: separate products for h and x, gradients by columns, the size from the quadratic formula."""

import math

import numpy as np

import lstm_ext


def logistic(a):
    return 0.5 + 0.5 * np.tanh(0.5 * a)


class GRUCell:
    def __init__(self, input_size, hidden_size):
        for gate in "rzh":
            setattr(self, "W" + gate, np.random.randn(hidden_size, hidden_size + input_size) * 0.1)
            setattr(self, "b" + gate, np.zeros(hidden_size))

    def _pre(self, gate, h, x):
        W, H = getattr(self, "W" + gate), len(h)
        return W[:, :H].dot(h) + W[:, H:].dot(x) + getattr(self, "b" + gate)

    def forward(self, x, h_prev):
        r, z = logistic(self._pre("r", h_prev, x)), logistic(self._pre("z", h_prev, x))
        n = np.tanh(self._pre("h", r * h_prev, x))
        return h_prev + z * (n - h_prev), {"r": r, "z": z, "h_tilde": n, "x": x.copy(), "h": h_prev.copy()}

    def backward(self, dh, cache):
        r, z, n, x, h = (cache[key] for key in ("r", "z", "h_tilde", "x", "h"))
        H = len(h)
        da = {"z": dh * (n - h) * z * (1 - z), "h": dh * z * (1 - n * n)}
        reset = self.Wh[:, :H].T.dot(da["h"])
        da["r"] = reset * h * r * (1 - r)
        grads = {
            "dh_prev": dh - dh * z + reset * r + self.Wr[:, :H].T.dot(da["r"]) + self.Wz[:, :H].T.dot(da["z"]),
            "dx": sum(getattr(self, "W" + gate)[:, H:].T.dot(a) for gate, a in da.items()),
        }
        for gate, a in da.items():
            seen = r * h if gate == "h" else h
            grads["dW" + gate] = np.hstack([np.outer(a, seen), np.outer(a, x)])
            grads["db" + gate] = a
        return grads


def pytorch_update_gate(Wz, bz):
    return np.negative(Wz), 0 - bz


def block(D, H):
    return H * (H + D + 1)


def lstm_parameters(input_size, hidden_size):
    return block(input_size, hidden_size) * 4


def gru_parameters(input_size, hidden_size):
    return block(input_size, hidden_size) * 3


def gru_hidden_size(input_size, parameters):
    root = (-(input_size + 1) + math.sqrt((input_size + 1) ** 2 + 4 * parameters / 3)) / 2
    return min(
        (max(1, math.floor(root)), math.ceil(root)), key=lambda H: abs(gru_parameters(input_size, H) - parameters)
    )


def learn(cell, hidden_size, updates, learning_rate, seed):
    options = {"cell": cell, "hidden_size": hidden_size, "lr": learning_rate, "seed": seed}
    options |= {"batch_size": 16, "seq_length": 32, "validation": 0.02}
    end = lstm_ext.RunConfig.from_options(options).trainer(lstm_ext.load_text("shakespeare")).run(steps=updates)
    return {"train_loss": end.smoothed, "unseen_loss": end.val_loss, "milliseconds": 512000 / end.chars_per_second}


def compare(learn, input_size, hidden_size, updates, learning_rate, seeds):
    def row(cell, size, parameters):
        runs = [learn(cell=cell, hidden_size=size, updates=updates, learning_rate=learning_rate, seed=s) for s in seeds]
        losses = sorted(run["unseen_loss"] for run in runs)
        return {
            "hidden_size": size,
            "parameters": parameters,
            "loss": sum(losses) / len(losses),
            "spread": losses[-1] - losses[0],
            "milliseconds": float(np.median([run["milliseconds"] for run in runs])),
        }

    budget = lstm_parameters(input_size, hidden_size)
    large = gru_hidden_size(input_size, budget)
    return {
        "gru as large": row("gru", large, gru_parameters(input_size, large)),
        "gru": row("gru", hidden_size, gru_parameters(input_size, hidden_size)),
        "lstm": row("lstm", hidden_size, budget),
    }


def conclusions(table):
    def verdict(name):
        difference = table["lstm"]["loss"] - table[name]["loss"]
        noise = max(table[key]["spread"] for key in ("lstm", name))
        return "better" if difference > noise else "worse" if -difference > noise else "unclear"

    saved = (table["lstm"]["parameters"] - table["gru"]["parameters"]) / table["lstm"]["parameters"]
    return {"parameters saved": saved} | {name: verdict(name) for name in table if name != "lstm"}
