import math
import random


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        self.D, self.H = input_size, hidden_size

        def m():
            return [[random.gauss(0, 0.1) for _ in range(hidden_size + input_size)] for _ in range(hidden_size)]

        self.W_f, self.W_i, self.W_c, self.W_o = m(), m(), m(), m()
        self.b_f, self.b_i, self.b_c, self.b_o = [[0.0] * hidden_size for _ in range(4)]

    def aff(self, W, b, v):
        return [sum(w * q for w, q in zip(row, v)) + bb for row, bb in zip(W, b)]

    def s(self, v):
        return [1 / (1 + math.exp(-a)) for a in v]

    def forward(self, x, h_prev, c_prev):
        v = list(h_prev) + list(x)
        f = self.s(self.aff(self.W_f, self.b_f, v))
        i = self.s(self.aff(self.W_i, self.b_i, v))
        g = [math.tanh(a) for a in self.aff(self.W_c, self.b_c, v)]
        o = self.s(self.aff(self.W_o, self.b_o, v))
        c = []
        for k in range(self.H):
            c.append(f[k] * c_prev[k] + i[k] * g[k])
        h = [o[k] * math.tanh(c[k]) for k in range(self.H)]
        return h, c, (v, f, i, g, o, c, c_prev)
