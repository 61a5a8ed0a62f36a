"""Exercise 5: a GRU from scratch, and a fair comparison with the LSTM."""

import numpy as np

import lstm_ext

guess_parameters_saved = None
guess_time_ratio = None
guess_loss_gap = None


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


class GRUCell:
    def __init__(self, input_size, hidden_size):
        scale = 1 / np.sqrt(hidden_size)
        shape = (hidden_size, hidden_size + input_size)
        self.Wr = np.random.uniform(-scale, scale, shape)
        self.Wz = np.random.uniform(-scale, scale, shape)
        self.Wh = np.random.uniform(-scale, scale, shape)
        self.br = np.zeros(hidden_size)
        self.bz = np.zeros(hidden_size)
        self.bh = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        hx = np.concatenate([h_prev, x])
        r = sigmoid(self.Wr @ hx + self.br)
        z = sigmoid(self.Wz @ hx + self.bz)
        rhx = np.concatenate([r * h_prev, x])
        h_tilde = np.tanh(self.Wh @ rhx + self.bh)
        h = (1 - z) * h_prev + z * h_tilde
        cache = {"hx": hx, "r": r, "z": z, "rhx": rhx, "h_tilde": h_tilde, "h_prev": h_prev}
        return h, cache

    def backward(self, dh, cache):
        hx, r, z, rhx, h_tilde, h_prev = (cache[name] for name in ("hx", "r", "z", "rhx", "h_tilde", "h_prev"))
        H = len(h_prev)
        dz = dh * (h_tilde - h_prev)
        dh_tilde = dh * z

        da_h = dh_tilde * (1 - h_tilde**2)
        drhx = self.Wh.T @ da_h
        dr = drhx[:H] * h_prev

        da_z = dz * z * (1 - z)
        da_r = dr * r * (1 - r)
        dhx = self.Wr.T @ da_r + self.Wz.T @ da_z
        dh_prev = dh * (1 - z) + drhx[:H] * r + dhx[:H]
        dx = drhx[H:] + dhx[H:]
        return {
            "dWr": np.outer(da_r, hx),
            "dWz": np.outer(da_z, hx),
            "dWh": np.outer(da_h, rhx),
            "dbr": da_r,
            "dbz": da_z,
            "dbh": da_h,
            "dh_prev": dh_prev,
            "dx": dx,
        }


def pytorch_update_gate(Wz, bz):
    return -Wz, -bz


def lstm_parameters(input_size, hidden_size):
    return 4 * (hidden_size * (hidden_size + input_size) + hidden_size)


def gru_parameters(input_size, hidden_size):
    return 3 * (hidden_size * (hidden_size + input_size) + hidden_size)


def gru_hidden_size(input_size, parameters):
    H = 1
    while gru_parameters(input_size, H + 1) <= parameters:
        H += 1
    below, above = gru_parameters(input_size, H), gru_parameters(input_size, H + 1)
    return H if parameters - below <= above - parameters else H + 1


def learn(cell, hidden_size, updates, learning_rate, seed):
    options = {"cell": cell, "hidden_size": hidden_size, "lr": learning_rate, "seed": seed}
    options |= {"batch_size": 16, "seq_length": 32, "validation": 0.02}
    trainer = lstm_ext.RunConfig.from_options(options).trainer(lstm_ext.load_text("shakespeare"))
    end = trainer.run(steps=updates)
    milliseconds = 1000 * 16 * 32 / end.chars_per_second
    return {"train_loss": end.smoothed, "unseen_loss": end.val_loss, "milliseconds": milliseconds}


def compare(learn, input_size, hidden_size, updates, learning_rate, seeds):
    as_large = gru_hidden_size(input_size, lstm_parameters(input_size, hidden_size))
    networks = {"lstm": ("lstm", hidden_size), "gru": ("gru", hidden_size), "gru as large": ("gru", as_large)}
    table = {}
    for name, (cell, size) in networks.items():
        runs = [learn(cell, size, updates, learning_rate, seed) for seed in seeds]
        losses = [run["unseen_loss"] for run in runs]
        count = lstm_parameters if cell == "lstm" else gru_parameters
        table[name] = {
            "hidden_size": size,
            "parameters": count(input_size, size),
            "loss": np.mean(losses),
            "spread": np.max(losses) - np.min(losses),
            "milliseconds": np.median([run["milliseconds"] for run in runs]),
        }
    return table


def conclusions(table):
    lstm = table["lstm"]
    found = {"parameters saved": 1 - table["gru"]["parameters"] / lstm["parameters"]}
    for name in ("gru", "gru as large"):
        gap = table[name]["loss"] - lstm["loss"]
        if abs(gap) <= max(table[name]["spread"], lstm["spread"]):
            found[name] = "unclear"
        else:
            found[name] = "better" if gap < 0 else "worse"
    return found
