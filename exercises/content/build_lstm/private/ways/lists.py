"""Another right way: plain Python, a number at a time, with lists in place of arrays."""

import math

GATES = ["f", "i", "c", "o"]


def sigmoid(a):
    if hasattr(a, "__len__"):
        return [sigmoid(entry) for entry in a]
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        self.D, self.H = input_size, hidden_size
        for n, gate in enumerate(GATES):
            rows = [[math.sin(n + 3 * r + 7 * k) / 3 for k in range(self.H + self.D)] for r in range(self.H)]
            setattr(self, "W" + gate, rows)
            setattr(self, "b" + gate, [1.0 if gate == "f" else 0.0] * self.H)

    def forward(self, x, h_prev, c_prev):
        z = list(h_prev) + list(x)
        values = {}
        for gate in GATES:
            squash = math.tanh if gate == "c" else sigmoid
            rows, bias = getattr(self, "W" + gate), getattr(self, "b" + gate)
            values[gate] = [squash(dot(row, z) + b) for row, b in zip(rows, bias)]
        f, i, g, o = (values[gate] for gate in GATES)
        c = [f[j] * c_prev[j] + i[j] * g[j] for j in range(self.H)]
        h = [o[j] * math.tanh(c[j]) for j in range(self.H)]
        return h, c, {"z": z, "f": f, "i": i, "c_tilde": g, "o": o, "c": c, "old": list(c_prev)}

    def backward(self, dh, dc, cache):
        n = range(self.H)
        da = {gate: [0.0] * self.H for gate in GATES}
        dc_prev = [0.0] * self.H
        for j in n:
            f, i, g, o = cache["f"][j], cache["i"][j], cache["c_tilde"][j], cache["o"][j]
            t = math.tanh(cache["c"][j])
            through = dc[j] + dh[j] * o * (1 - t * t)
            da["f"][j] = through * cache["old"][j] * f * (1 - f)
            da["i"][j] = through * g * i * (1 - i)
            da["c"][j] = through * i * (1 - g * g)
            da["o"][j] = dh[j] * t * o * (1 - o)
            dc_prev[j] = through * f
        grads = {}
        dz = [0.0] * (self.H + self.D)
        for gate in GATES:
            grads["dW" + gate] = [[da[gate][j] * z for z in cache["z"]] for j in n]
            grads["db" + gate] = da[gate]
            rows = getattr(self, "W" + gate)
            for k in range(len(dz)):
                dz[k] += sum(rows[j][k] * da[gate][j] for j in n)
        grads["dh_prev"], grads["dx"], grads["dc_prev"] = dz[: self.H], dz[self.H :], dc_prev
        return grads


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.cell = LSTMCell(input_size, hidden_size)
        self.Wy = [[math.cos(r + 5 * k) / 3 for k in range(hidden_size)] for r in range(output_size)]
        self.by = [0.0] * output_size

    def forward(self, inputs, targets, h_prev, c_prev):
        h, c = list(h_prev), list(c_prev)
        self.steps, self.h_states, self.c_states = [], [], []
        loss = 0.0
        for symbol, target in zip(inputs, targets):
            x = [float(k == symbol) for k in range(self.cell.D)]
            h, c, cache = self.cell.forward(x, h, c)
            y = [dot(row, h) + b for row, b in zip(self.Wy, self.by)]
            top = max(y)
            log_sum = top + math.log(sum(math.exp(v - top) for v in y))
            loss += log_sum - y[target]
            p = [math.exp(v - log_sum) for v in y]
            self.steps.append((cache, p, target))
            self.h_states.append(h)
            self.c_states.append(c)
        return loss / len(self.steps)

    def backward(self):
        total = {}
        dh_next, dc_next = [0.0] * self.cell.H, [0.0] * self.cell.H
        for (cache, p, target), h in reversed(list(zip(self.steps, self.h_states))):
            dy = [(v - (k == target)) / len(self.steps) for k, v in enumerate(p)]
            dh = [d + dot([row[j] for row in self.Wy], dy) for j, d in enumerate(dh_next)]
            grads = self.cell.backward(dh, dc_next, cache)
            grads["dWy"], grads["dby"] = [[d * v for v in h] for d in dy], dy
            dh_next, dc_next = grads.pop("dh_prev"), grads.pop("dc_prev")
            grads.pop("dx")
            for name, value in grads.items():
                total[name] = added(total[name], value) if name in total else value
        return total | {"dh_prev": dh_next, "dc_prev": dc_next}

    def update_weights(self, grads, learning_rate, max_norm):
        names = [kind + gate for gate in [*GATES, "y"] for kind in "Wb"]
        squares = sum(v * v for name in names for v in flat(grads["d" + name]))
        factor = min(1.0, max_norm / math.sqrt(squares)) if squares else 1.0
        for name in names:
            owner = self if name[1] == "y" else self.cell
            setattr(owner, name, added(getattr(owner, name), scaled(grads["d" + name], -learning_rate * factor)))


def flat(value):
    return [v for part in value for v in flat(part)] if hasattr(value, "__len__") else [value]


def added(a, b):
    return [added(p, q) for p, q in zip(a, b)] if hasattr(a, "__len__") else a + b


def scaled(a, factor):
    return [scaled(p, factor) for p in a] if hasattr(a, "__len__") else a * factor
