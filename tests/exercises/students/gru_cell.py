import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class GRUCell:
    def __init__(self, input_size, hidden_size):
        self.H = hidden_size
        shape = (hidden_size, hidden_size + input_size)
        self.Wr, self.Wz, self.Wh = (np.random.randn(*shape) * 0.1 for _ in range(3))
        self.br, self.bz, self.bh = (np.zeros(hidden_size) for _ in range(3))

    def forward(self, x, h_prev):
        hx = np.concatenate([h_prev, x])
        r = sigmoid(self.Wr @ hx + self.br)
        z = sigmoid(self.Wz @ hx + self.bz)
        rhx = np.concatenate([r * h_prev, x])
        h_tilde = np.tanh(self.Wh @ rhx + self.bh)
        h = (1 - z) * h_prev + z * h_tilde
        return h, (hx, rhx, r, z, h_tilde, h_prev)

    def backward(self, dh, cache):
        hx, rhx, r, z, h_tilde, h_prev = cache
        H = self.H
        dz = dh * (h_tilde - h_prev)
        da_z = dz * z * (1 - z)
        dh_tilde = dh * z
        da_h = dh_tilde * (1 - h_tilde**2)
        drhx = self.Wh.T @ da_h
        drh = drhx[:H]
        dr = drh * h_prev
        da_r = dr * r * (1 - r)
        dh_prev = dh * (1 - z) + drh * r
        dhx = self.Wr.T @ da_r + self.Wz.T @ da_z
        dh_prev = dh_prev + dhx[:H]
        return {
            "dWr": np.outer(da_r, hx),
            "dWz": np.outer(da_z, hx),
            "dWh": np.outer(da_h, rhx),
            "dbr": da_r,
            "dbz": da_z,
            "dbh": da_h,
            "dx": dhx[H:] + drhx[H:],
            "dh_prev": dh_prev,
        }
