"""Another right way: the whole sequence forward at once; cumulative products."""

import numpy as np

from lstm_ext import lstm_backward, lstm_forward, rnn_backward, rnn_forward


def flow_rnn(x, W, b, dh_last):
    norms = np.empty(len(x))
    norms[-1] = np.linalg.norm(dh_last)
    for t in range(len(x) - 1):
        # The rest of the sequence from step t on, as a network of its own.
        h, _ = rnn_forward(x[: t + 1, None], None, W, b)
        _, cache = rnn_forward(x[t + 1 :, None], h[-1], W, b)
        norms[t] = np.linalg.norm(rnn_backward(np.zeros_like(cache["h"]), cache, dh_last[None])["dh0"])
    return norms


def flow_lstm(x, W, b, dh_last):
    h, c, whole = lstm_forward(x, None, None, W, b)
    dh, dC = np.empty(len(x)), np.empty(len(x))
    for t in range(len(x)):
        if t == len(x) - 1:
            back = {"dh0": dh_last, "dc0": 0 * dh_last}
        else:
            _, _, cache = lstm_forward(x[t + 1 :], h[t], c[t], W, b)
            back = lstm_backward(np.zeros_like(cache["h"]), cache, dh_last)
        dh[t] = np.linalg.norm(back["dh0"])
        dC[t] = np.linalg.norm(back["dc0"] + back["dh0"] * whole["o"][t] * (1 - np.tanh(c[t]) ** 2))
    return dict(dh=dh, dC=dC)


def flow_of_gates(x, W, b, dh_last):
    _, c, cache = lstm_forward(x, None, None, W, b)
    start = dh_last * cache["o"][-1] * (1 - np.tanh(c[-1]) ** 2)
    later = np.concatenate([np.ones_like(cache["f"][:1]), cache["f"][:0:-1]])
    return np.linalg.norm(start * np.cumprod(later, axis=0), axis=(1, 2))[::-1].copy()


def decades(norms, back):
    norms = np.asarray(norms)[::-1]
    return np.log10(norms[back] / norms[0])
