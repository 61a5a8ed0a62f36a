import numpy as np


def sig(z):
    return 1 / (1 + np.exp(-z))


class LSTMNet:
    def __init__(self, vocab_size, hidden_size):
        self.W = np.random.randn(4 * hidden_size, hidden_size + vocab_size) * 0.1
        self.b = np.zeros((4 * hidden_size, 1))
        self.Why = np.random.randn(vocab_size, hidden_size) * 0.1
        self.by = np.zeros((vocab_size, 1))
        self.H, self.D = hidden_size, vocab_size

    def forward(self, inputs, targets, hprev, cprev):
        xs, hs, cs, gs, ps = {}, {}, {}, {}, {}
        hs[-1] = np.copy(hprev)
        cs[-1] = np.copy(cprev)
        loss = 0
        H = self.H
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.D, 1))
            xs[t][inputs[t]] = 1
            z = np.vstack((hs[t - 1], xs[t]))
            a = np.dot(self.W, z) + self.b
            gs[t] = np.zeros_like(a)
            gs[t][: 3 * H] = sig(a[: 3 * H])
            gs[t][3 * H :] = np.tanh(a[3 * H :])
            i, f, o, g = np.split(gs[t], 4)
            cs[t] = f * cs[t - 1] + i * g
            hs[t] = o * np.tanh(cs[t])
            y = np.dot(self.Why, hs[t]) + self.by
            ps[t] = np.exp(y) / np.sum(np.exp(y))
            loss += -np.log(ps[t][targets[t], 0])
        self.mem = (xs, hs, cs, gs, ps, targets)
        return loss

    def backward(self):
        xs, hs, cs, gs, ps, targets = self.mem
        H = self.H
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        self.dWhy = np.zeros_like(self.Why)
        self.dby = np.zeros_like(self.by)
        dhn = np.zeros((H, 1))
        dcn = np.zeros((H, 1))
        for t in reversed(range(len(targets))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            self.dWhy += np.dot(dy, hs[t].T)
            self.dby += dy
            dh = np.dot(self.Why.T, dy) + dhn
            i, f, o, g = np.split(gs[t], 4)
            tc = np.tanh(cs[t])
            dc = dh * o * (1 - tc * tc) + dcn
            da = np.vstack(
                (dc * g * i * (1 - i), dc * cs[t - 1] * f * (1 - f), dh * tc * o * (1 - o), dc * i * (1 - g * g))
            )
            z = np.vstack((hs[t - 1], xs[t]))
            self.dW += np.dot(da, z.T)
            self.db += da
            dz = np.dot(self.W.T, da)
            dhn = dz[:H]
            dcn = dc * f
        return dhn, dcn
