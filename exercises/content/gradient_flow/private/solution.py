"""B5: gradients, measured on their way back."""

import numpy as np

from lstm_ext import lstm_backward, lstm_forward


def flow_rnn(x, W, b, dh_last):
    H = len(b)
    hs, h = [], np.zeros(H)
    for x_t in x:
        h = np.tanh(W @ np.concatenate([h, x_t]) + b)
        hs.append(h)
    norms = np.zeros(len(x))
    dh = dh_last
    for t in reversed(range(len(x))):
        norms[t] = np.linalg.norm(dh)
        dh = W[:, :H].T @ (dh * (1 - hs[t] ** 2))
    return norms


def run_lstm(x, W, b):
    h = c = np.zeros((1, len(b) // 4))
    caches = []
    for t in range(len(x)):
        hs, cs, cache = lstm_forward(x[t : t + 1], h, c, W, b)
        h, c = hs[0], cs[0]
        caches.append(cache)
    return caches


def flow_lstm(x, W, b, dh_last):
    caches = run_lstm(x, W, b)
    norms = {"dh": np.zeros(len(x)), "dC": np.zeros(len(x))}
    dh, dc = dh_last, np.zeros_like(dh_last)
    for t in reversed(range(len(x))):
        cache = caches[t]
        whole = dc + dh * cache["o"][0] * (1 - np.tanh(cache["c"][0]) ** 2)
        norms["dh"][t] = np.linalg.norm(dh)
        norms["dC"][t] = np.linalg.norm(whole)
        g = lstm_backward(np.zeros_like(cache["h"]), cache, dh, dc)
        dh, dc = g["dh0"], g["dc0"]
    return norms


def flow_of_gates(x, W, b, dh_last):
    caches = run_lstm(x, W, b)
    last = caches[-1]
    dc = dh_last * last["o"][0] * (1 - np.tanh(last["c"][0]) ** 2)
    norms = np.zeros(len(x))
    for t in reversed(range(len(x))):
        norms[t] = np.linalg.norm(dc)
        dc = dc * caches[t]["f"][0]
    return norms


def decades(norms, back):
    return np.log10(norms[-1 - back] / norms[-1])
