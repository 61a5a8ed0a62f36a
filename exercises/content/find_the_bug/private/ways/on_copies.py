"""Another right way: the check moves entries of copies of the network, and a difference of four points."""

import copy

import numpy as np

VERSION = 5
wrong_after_one_step = []
wrong_after_six_steps = ["dWf", "dWi", "dWc", "dWo", "dbf", "dbi", "dbc", "dbo", "dh_prev", "dc_prev"]
wrong_line = "dh = p['Wy'].T @ dy"


def gradient_check(network, inputs, targets, h_prev, c_prev):
    network.forward(inputs, targets, h_prev, c_prev)
    grads = network.backward()

    def loss_with(name, place, step):
        moved = copy.deepcopy(network)
        states = {"h_prev": h_prev.copy(), "c_prev": c_prev.copy()}
        array = states[name] if name in states else moved.params[name]
        array[place] += step
        return moved.forward(inputs, targets, states["h_prev"], states["c_prev"])

    errors = {}
    for name, gradient in grads.items():
        numerical = np.empty(np.shape(gradient))
        for place in np.ndindex(numerical.shape):
            near, far = (
                (loss_with(name[1:], place, e) - loss_with(name[1:], place, -e)) / (2 * e) for e in (1e-4, 2e-4)
            )
            numerical[place] = (4 * near - far) / 3
        errors[name] = np.linalg.norm(numerical - gradient) / np.linalg.norm(numerical)
    return errors


def sigmoid(a):
    return np.exp(-np.logaddexp(0, -a))


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.D, self.H = input_size, hidden_size
        rng = np.random.default_rng(3)
        shapes = {f"W{gate}": (hidden_size, hidden_size + input_size) for gate in "fico"}
        shapes |= {f"b{gate}": (hidden_size,) for gate in "fico"}
        shapes |= {"Wy": (output_size, hidden_size), "by": (output_size,)}
        self.params = {name: rng.normal(0, 0.2, shape) for name, shape in shapes.items()}

    def forward(self, inputs, targets, h_prev, c_prev):
        p = self.params
        states, gates, log_ps = [(h_prev, c_prev)], [], []
        for symbol in inputs:
            h, c = states[-1]
            hx = np.concatenate([h, np.eye(self.D)[symbol]])
            f, i, o = (sigmoid(p[f"W{gate}"].dot(hx) + p[f"b{gate}"]) for gate in "fio")
            g = np.tanh(p["Wc"].dot(hx) + p["bc"])
            c = f * c + i * g
            states.append((o * np.tanh(c), c))
            gates.append((hx, f, i, g, o))
            y = p["Wy"].dot(states[-1][0]) + p["by"]
            log_ps.append(y - np.logaddexp.reduce(y))
        self.memory = states, gates, np.array(log_ps), list(targets)
        return -np.mean([row[target] for row, target in zip(log_ps, targets)])

    def backward(self):
        p = self.params
        states, gates, log_ps, targets = self.memory
        T = len(gates)
        dys = (np.exp(log_ps) - np.eye(log_ps.shape[1])[targets]) / T
        das = {gate: np.zeros((T, self.H)) for gate in "fico"}
        dh, dc = np.zeros(self.H), np.zeros(self.H)
        for t in range(T - 1, -1, -1):
            (_, c_prev), (_, c), (_, f, i, g, o) = states[t], states[t + 1], gates[t]
            dh = dh + p["Wy"].T.dot(dys[t])
            dc = dc + dh * o / np.cosh(c) ** 2
            das["f"][t] = dc * c_prev * f * (1 - f)
            das["i"][t] = dc * g * i * (1 - i)
            das["c"][t] = dc * i * (1 - g**2)
            das["o"][t] = dh * np.tanh(c) * o * (1 - o)
            dh = sum(p[f"W{gate}"].T.dot(da[t]) for gate, da in das.items())[: self.H]
            dc = dc * f
        hxs, hs = np.array([hx for hx, *_ in gates]), np.array([h for h, _ in states[1:]])
        grads = {f"dW{gate}": da.T @ hxs for gate, da in das.items()}
        grads |= {f"db{gate}": da.sum(axis=0) for gate, da in das.items()}
        return grads | {"dWy": dys.T @ hs, "dby": dys.sum(axis=0), "dh_prev": dh, "dc_prev": dc}
