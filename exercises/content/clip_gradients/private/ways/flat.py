"""Another right way: one long vector; and short gradients are returned as they came."""

import numpy as np


def clip_gradients(grads, max_norm):
    flat = np.concatenate([np.ravel(g) for g in grads])
    norm = np.linalg.norm(flat)
    if norm <= max_norm:
        return grads
    return [np.divide(g, norm) * max_norm for g in grads]
