"""Another right way: plain Python, a number at a time; loops in place of comprehensions."""

import math

import lstm_ext


def sigmoid(a):
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def product(rows, vector, bias):
    return [sum(w * v for w, v in zip(row, vector)) + b for row, b in zip(rows, bias)]


class GRUCell:
    def __init__(self, input_size, hidden_size):
        self.D, self.H = input_size, hidden_size
        self.Wr, self.Wz, self.Wh = ([[0.1] * (hidden_size + input_size)] * hidden_size for _ in range(3))
        self.br, self.bz, self.bh = ([0.0] * hidden_size for _ in range(3))

    def forward(self, x, h_prev):
        seen = list(h_prev) + list(x)
        r = [sigmoid(a) for a in product(self.Wr, seen, self.br)]
        z = [sigmoid(a) for a in product(self.Wz, seen, self.bz)]
        reset = [r[j] * h_prev[j] for j in range(self.H)] + list(x)
        new = [math.tanh(a) for a in product(self.Wh, reset, self.bh)]
        h = [h_prev[j] - z[j] * h_prev[j] + z[j] * new[j] for j in range(self.H)]
        return [h, {"r": r, "z": z, "h_tilde": new, "seen": seen, "reset": reset}]

    def backward(self, dh, cache):
        r, z, new, seen, reset = cache["r"], cache["z"], cache["h_tilde"], cache["seen"], cache["reset"]
        H, n = self.H, range(self.H)
        da_z = [dh[j] * (new[j] - seen[j]) * z[j] * (1 - z[j]) for j in n]
        da_h = [dh[j] * z[j] * (1 - new[j] ** 2) for j in n]
        back = [sum(self.Wh[j][k] * da_h[j] for j in n) for k in range(H + self.D)]
        da_r = [back[j] * seen[j] * r[j] * (1 - r[j]) for j in n]
        total = []
        for k in range(H + self.D):
            gates = sum(self.Wr[j][k] * da_r[j] + self.Wz[j][k] * da_z[j] for j in n)
            total.append(gates + (dh[k] * (1 - z[k]) + back[k] * r[k] if k < H else back[k]))
        return {
            "dWr": [[a * v for v in seen] for a in da_r],
            "dWz": [[a * v for v in seen] for a in da_z],
            "dWh": [[a * v for v in reset] for a in da_h],
            "dbr": da_r,
            "dbz": da_z,
            "dbh": da_h,
            "dh_prev": total[:H],
            "dx": total[H:],
        }


def pytorch_update_gate(Wz, bz):
    return [[[-w for w in row] for row in Wz], [-b for b in bz]]


def lstm_parameters(input_size, hidden_size):
    total = 0
    for _ in ["f", "i", "c", "o"]:
        total += hidden_size * hidden_size + hidden_size * input_size + hidden_size
    return total


def gru_parameters(input_size, hidden_size):
    return lstm_parameters(input_size, hidden_size) * 3 // 4


def gru_hidden_size(input_size, parameters):
    best = 1
    for H in range(1, int(math.sqrt(parameters)) + 2):
        if abs(gru_parameters(input_size, H) - parameters) < abs(gru_parameters(input_size, best) - parameters):
            best = H
    return best


def learn(cell, hidden_size, updates, learning_rate, seed):
    options = {"cell": cell, "hidden_size": hidden_size, "lr": learning_rate, "seed": seed}
    options |= {"batch_size": 16, "seq_length": 32, "validation": 0.02}
    trainer = lstm_ext.RunConfig.from_options(options).trainer(lstm_ext.load_text("shakespeare"))
    end = trainer.run(steps=updates)
    milliseconds = 1000 * 16 * 32 / end.chars_per_second
    return {"train_loss": end.smoothed, "unseen_loss": end.val_loss, "milliseconds": milliseconds}


def compare(learn, input_size, hidden_size, updates, learning_rate, seeds):
    table = {}
    for name in ["lstm", "gru", "gru as large"]:
        size = hidden_size
        if name == "gru as large":
            size = gru_hidden_size(input_size, lstm_parameters(input_size, hidden_size))
        losses, times = [], []
        for seed in seeds:
            result = learn(name.split()[0], size, updates, learning_rate, seed)
            losses.append(result["unseen_loss"])
            times.append(result["milliseconds"])
        times.sort()
        middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
        parameters = lstm_parameters(input_size, size) if name == "lstm" else gru_parameters(input_size, size)
        table[name] = dict(hidden_size=size, parameters=parameters, milliseconds=middle)
        table[name].update(loss=sum(losses) / len(losses), spread=max(losses) - min(losses))
    return table


def conclusions(table):
    result = {"parameters saved": 1.0 - table["gru"]["parameters"] / table["lstm"]["parameters"]}
    for name in ("gru", "gru as large"):
        spread = table["lstm"]["spread"]
        if table[name]["spread"] > spread:
            spread = table[name]["spread"]
        if table[name]["loss"] > table["lstm"]["loss"] + spread:
            result[name] = "worse"
        elif table[name]["loss"] < table["lstm"]["loss"] - spread:
            result[name] = "better"
        else:
            result[name] = "unclear"
    return result
