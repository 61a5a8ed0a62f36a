"""Another right way: the check in plain loops with CS231n's error, the program gate by gate."""

import numpy as np

VERSION = 1
wrong_after_one_step = ("dh_prev", "dbf", "dWf")
wrong_after_six_steps = {"dWf", "dWi", "dWc", "dWo", "dbf", "dbi", "dbc", "dbo", "dc_prev", "dh_prev"}
wrong_line = """        df = dc*s.c   # here"""


def error(a, b):
    return float(np.abs(a - b).sum() / max(1e-8 * np.size(a) ** 0, np.abs(a).sum() + np.abs(b).sum(), 1e-300))


def gradient_check(network, inputs, targets, h_prev, c_prev):
    def loss():
        return network.forward(list(inputs), list(targets), h, c)

    h, c = np.array(h_prev), np.array(c_prev)
    loss()
    grads = network.backward()
    result = {}
    for name in grads:
        array = {"dh_prev": h, "dc_prev": c}.get(name)
        array = network.params[name[1:]] if array is None else array
        numerical = []
        flat = array.reshape(-1)
        for k in range(flat.size):
            old, values = float(flat[k]), []
            for step in (-2e-5, 2e-5):
                flat[k] = old + step
                values.append(loss())
            flat[k] = old
            numerical.append((values[1] - values[0]) / 4e-5)
        a, b = np.ravel(grads[name]), np.array(numerical)
        result[name] = np.sqrt(((a - b) ** 2).sum()) / (np.sqrt((a**2).sum()) + np.sqrt((b**2).sum()) + 1e-20)
    return result


def sigmoid(a):
    return 0.5 * (1 + np.tanh(a / 2))


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.sizes = input_size, hidden_size
        self.params = {"Wy": np.random.randn(output_size, hidden_size), "by": np.zeros(output_size)}
        for gate in "fico":
            self.params["W" + gate] = np.random.randn(hidden_size, hidden_size + input_size)
            self.params["b" + gate] = np.zeros(hidden_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        p, h, c, self.kept, losses = self.params, h_prev, c_prev, [], []
        for symbol, target in zip(inputs, targets):
            z, old = np.append(h, np.eye(self.sizes[0])[symbol]), c
            f, i, o = (sigmoid(p["W" + gate] @ z + p["b" + gate]) for gate in "fio")
            g = np.tanh(p["Wc"] @ z + p["bc"])
            c = f * old + i * g
            h = o * np.tanh(c)
            y = p["Wy"] @ h + p["by"]
            prob = np.exp(y) / np.exp(y).sum()
            losses.append(-np.log(prob[target]))
            self.kept.append((z, old, f, i, g, o, c, h, prob, target))
        return np.mean(losses)

    def backward(self):
        p, H, T = self.params, self.sizes[1], len(self.kept)
        grads = {name: 0 for name in ["d" + name for name in p]}
        dh = dc = np.zeros(H)
        for z, old, f, i, g, o, c, h, prob, target in self.kept[::-1]:
            dy = prob.copy()
            dy[target] -= 1
            dy /= T
            dh = dh + dy @ p["Wy"]
            t = np.tanh(c)
            dc = dc + dh * o * (1 - t * t)
            da = {"o": dh * t * o * (1 - o), "f": dc * old * f * (1 - f), "i": dc * g * i * (1 - i), "c": dc * i * (1 - g * g)}
            dz = 0
            for gate, a in da.items():
                grads["dW" + gate] = grads["dW" + gate] + np.outer(a, z)
                grads["db" + gate] = grads["db" + gate] + a
                dz = dz + a @ p["W" + gate]
            grads["dWy"] = grads["dWy"] + np.outer(dy, h)
            grads["dby"] = grads["dby"] + dy
            dh, dc = dz[:H], dc * f
        return {**grads, "dh_prev": dh, "dc_prev": dc}
