"""Another right way: plain Python, unit by unit."""

import math


def sigmoid(a):
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


class PeepholeLSTMCell:
    def __init__(self, input_size, hidden_size):
        self.H, self.D = hidden_size, input_size
        for gate in ["f", "i", "c", "o"]:
            setattr(self, "W" + gate, [[0.1] * (hidden_size + input_size) for _ in range(hidden_size)])
            setattr(self, "b" + gate, [0.0] * hidden_size)
        self.pf, self.pi, self.po = ([0.0] * hidden_size for _ in range(3))

    def forward(self, x, h_prev, c_prev):
        z = list(h_prev) + list(x)
        cache = {name: [] for name in ("f", "i", "c_tilde", "o", "c", "h")}
        for j in range(self.H):
            a = {}
            for gate in ["f", "i", "c", "o"]:
                row = getattr(self, "W" + gate)[j]
                a[gate] = getattr(self, "b" + gate)[j] + sum(w * v for w, v in zip(row, z))
            f = sigmoid(a["f"] + self.pf[j] * c_prev[j])
            i = sigmoid(a["i"] + self.pi[j] * c_prev[j])
            new = math.tanh(a["c"])
            c = f * c_prev[j] + i * new
            o = sigmoid(a["o"] + self.po[j] * c)
            for name, value in (("f", f), ("i", i), ("c_tilde", new), ("o", o), ("c", c), ("h", o * math.tanh(c))):
                cache[name].append(value)
        return cache["h"], cache["c"], {**cache, "z": z, "c_prev": [float(v) for v in c_prev]}

    def backward(self, dh, dc, cache):
        da = {gate: [] for gate in "fico"}
        dc_prev = []
        for j in range(self.H):
            f, i, new, o = cache["f"][j], cache["i"][j], cache["c_tilde"][j], cache["o"][j]
            c, old = cache["c"][j], cache["c_prev"][j]
            t = math.tanh(c)
            a_o = dh[j] * t * o * (1 - o)
            total = dc[j] + dh[j] * o * (1 - t * t) + self.po[j] * a_o
            a_f, a_i = total * old * f * (1 - f), total * new * i * (1 - i)
            da["f"].append(a_f)
            da["i"].append(a_i)
            da["c"].append(total * i * (1 - new * new))
            da["o"].append(a_o)
            dc_prev.append(total * f + self.pf[j] * a_f + self.pi[j] * a_i)
        dz = [0.0] * (self.H + self.D)
        for gate in "fico":
            for row, a in zip(getattr(self, "W" + gate), da[gate]):
                dz = [d + a * w for d, w in zip(dz, row)]
        grads = {"dc_prev": dc_prev, "dh_prev": dz[: self.H], "dx": dz[self.H :]}
        for gate in "fico":
            grads["dW" + gate] = [[a * v for v in cache["z"]] for a in da[gate]]
            grads["db" + gate] = da[gate]
        for gate, seen in (("f", "c_prev"), ("i", "c_prev"), ("o", "c")):
            grads["dp" + gate] = [a * v for a, v in zip(da[gate], cache[seen])]
        return grads


def extra_parameters(hidden_size):
    gates = ["f", "i", "o"]
    return len(gates) * hidden_size, sum(hidden_size * hidden_size for _ in gates)
