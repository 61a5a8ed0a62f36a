import numpy as np


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.input_size, self.hidden_size = input_size, hidden_size
        n = hidden_size + input_size
        self.Wf = np.random.randn(hidden_size, n) * 0.1
        self.Wi = np.random.randn(hidden_size, n) * 0.1
        self.Wc = np.random.randn(hidden_size, n) * 0.1
        self.Wo = np.random.randn(hidden_size, n) * 0.1
        self.Wy = np.random.randn(output_size, hidden_size) * 0.1
        self.bf = np.ones(hidden_size)
        self.bi = np.zeros(hidden_size)
        self.bc = np.zeros(hidden_size)
        self.bo = np.zeros(hidden_size)
        self.by = np.zeros(output_size)

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def forward(self, inputs, targets, h_prev, C_prev):
        self.inputs, self.targets = inputs, targets
        self.cache = []
        self.h_states, self.C_states = [], []
        loss = 0.0
        h, C = h_prev, C_prev
        for t in range(len(inputs)):
            x = np.zeros(self.input_size)
            x[inputs[t]] = 1.0
            concat = np.concatenate([h, x])
            f = self.sigmoid(self.Wf @ concat + self.bf)
            i = self.sigmoid(self.Wi @ concat + self.bi)
            C_tilde = np.tanh(self.Wc @ concat + self.bc)
            C_old = C
            C = f * C_old + i * C_tilde
            o = self.sigmoid(self.Wo @ concat + self.bo)
            tanh_C = np.tanh(C)
            h = o * tanh_C
            y = self.Wy @ h + self.by
            p = np.exp(y - y.max())
            p = p / p.sum()
            loss += -np.log(p[targets[t]])
            self.cache.append((concat, f, i, C_tilde, C_old, C, o, tanh_C, h, p))
            self.h_states.append(h)
            self.C_states.append(C)
        return loss / len(inputs)

    def backward(self):
        T = len(self.inputs)
        for name in ["Wf", "Wi", "Wc", "Wo", "Wy", "bf", "bi", "bc", "bo", "by"]:
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        dh_next = np.zeros(self.hidden_size)
        dC_next = np.zeros(self.hidden_size)
        H = self.hidden_size
        for t in reversed(range(T)):
            concat, f, i, C_tilde, C_old, C, o, tanh_C, h, p = self.cache[t]
            dy = p.copy()
            dy[self.targets[t]] -= 1
            dy /= T
            self.dWy += np.outer(dy, h)
            self.dby += dy
            dh = self.Wy.T @ dy + dh_next
            do = dh * tanh_C
            da_o = do * o * (1 - o)
            dC = dC_next + dh * o * (1 - tanh_C**2)
            di = dC * C_tilde
            da_i = di * i * (1 - i)
            df = dC * C_old
            da_f = df * f * (1 - f)
            dC_tilde = dC * i
            da_c = dC_tilde * (1 - C_tilde**2)
            self.dWf += np.outer(da_f, concat)
            self.dWi += np.outer(da_i, concat)
            self.dWc += np.outer(da_c, concat)
            self.dWo += np.outer(da_o, concat)
            self.dbf += da_f
            self.dbi += da_i
            self.dbc += da_c
            self.dbo += da_o
            dconcat = self.Wf.T @ da_f + self.Wi.T @ da_i + self.Wc.T @ da_c + self.Wo.T @ da_o
            dh_next = dconcat[:H]
            dC_next = dC * f
        return dh_next, dC_next
