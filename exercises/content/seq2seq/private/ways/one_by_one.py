"""Another right way: every sequence by itself, without padding; loops and plain lists."""

import math

import numpy as np

from lstm_ext import lstm_backward, lstm_forward

END, START = 0, 1
SYMBOLS = 10


def make_batch(rng, batch_size, reverse, shortest=2, longest=5):
    lengths = rng.integers(shortest, longest + 1, batch_size)
    inputs = np.zeros((max(lengths), batch_size), int)
    targets = np.full((max(lengths) + 1, batch_size), -1)
    for n, length in enumerate(lengths):
        letters = rng.integers(2, SYMBOLS, length)
        inputs[:length, n] = letters
        targets[: length + 1, n] = [*(letters[::-1] if reverse else letters), END]
    return inputs, lengths, targets


def train(model, rng, reverse, updates, lr=0.02):
    m, v = ({name: np.zeros_like(getattr(model, name)) for name in model.WEIGHTS} for _ in range(2))
    for step in range(1, updates + 1):
        inputs, lengths, targets = make_batch(rng, 8, reverse)
        _, dlogits = loss_and_gradient(model.forward(inputs, lengths, targets), targets)
        gradients = model.backward(dlogits)
        for name in model.WEIGHTS:
            g = gradients["d" + name]
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.99 * v[name] + 0.01 * g**2
            update = m[name] / (1 - 0.9**step) / (np.sqrt(v[name] / (1 - 0.99**step)) + 1e-8)
            setattr(model, name, getattr(model, name) - lr * update)


def decoder_inputs(targets):
    U, B = np.shape(targets)
    read = np.zeros((U, B), int)
    for n in range(B):
        read[0, n] = START
        for u in range(1, U):
            read[u, n] = targets[u - 1][n] if targets[u - 1][n] != -1 else END
    return read


def loss_and_gradient(logits, targets):
    total, count = 0.0, 0
    dlogits = np.zeros(logits.shape)
    for place in np.ndindex(targets.shape):
        if targets[place] == -1:
            continue
        own = logits[place]
        top = max(own)
        log_sum = top + math.log(sum(math.exp(value - top) for value in own))
        total += log_sum - own[targets[place]]
        count += 1
        dlogits[place] = np.exp(own - log_sum)
        dlogits[place][targets[place]] -= 1
    return total / count, dlogits / count


class Seq2Seq:
    WEIGHTS = ("W_encoder", "b_encoder", "W_decoder", "b_decoder", "W_out", "b_out")

    def __init__(self, hidden_size, seed=0):
        rng, H = np.random.default_rng(seed), hidden_size
        for name in ("encoder", "decoder"):
            setattr(self, "W_" + name, rng.normal(0.0, 0.2, (4 * H, H + SYMBOLS)))
            setattr(self, "b_" + name, np.repeat([0.0, 1.0, 0.0, 0.0], H))
        self.W_out, self.b_out = rng.normal(0.0, 0.2, (SYMBOLS, H)), np.zeros(SYMBOLS)

    def encode(self, inputs, lengths):
        hs, cs, self.runs = [], [], []
        for n, length in enumerate(lengths):
            h, c, cache = lstm_forward(inputs[:length, n : n + 1], None, None, self.W_encoder, self.b_encoder)
            hs.append(h[length - 1, 0])
            cs.append(c[length - 1, 0])
            self.runs.append(cache)
        return np.array(hs), np.array(cs)

    def forward(self, inputs, lengths, targets):
        hs, cs = self.encode(inputs, lengths)
        read = decoder_inputs(targets)
        logits, self.written, self.caches = [], [], []
        for n in range(len(lengths)):
            h, _, cache = lstm_forward(read[:, n : n + 1], hs[n : n + 1], cs[n : n + 1], self.W_decoder, self.b_decoder)
            self.caches.append(cache)
            self.written.append(h[:, 0])
            logits.append([self.W_out @ own + self.b_out for own in h[:, 0]])
        return np.array(logits).transpose(1, 0, 2)

    def backward(self, dlogits):
        d = {"d" + name: np.zeros_like(getattr(self, name)) for name in self.WEIGHTS}
        for n, (h, cache, run) in enumerate(zip(self.written, self.caches, self.runs)):
            own = dlogits[:, n]
            d["dW_out"] += own.T @ h
            d["db_out"] += own.sum(axis=0)
            late = lstm_backward((own @ self.W_out)[:, None], cache)
            early = lstm_backward(np.zeros(run["h"].shape), run, dh_T=late["dh0"], dc_T=late["dc0"])
            for part, found in (("decoder", late), ("encoder", early)):
                d["dW_" + part] += found["dW"]
                d["db_" + part] += found["db"]
        return d

    def greedy(self, inputs, lengths, max_length):
        hs, cs = self.encode(inputs, lengths)
        answers = []
        for n in range(len(lengths)):
            h, c, symbol, own = hs[n : n + 1], cs[n : n + 1], START, []
            while len(own) < max_length:
                outputs, cells, _ = lstm_forward([[symbol]], h, c, self.W_decoder, self.b_decoder)
                h, c = outputs[0], cells[0]
                symbol = int(np.argmax(self.W_out @ h[0] + self.b_out))
                if symbol == END:
                    break
                own.append(symbol)
            answers.append(own)
        return answers


def exact_matches(written, targets):
    answers = [list(column[: list(column).index(END)]) for column in np.asarray(targets).T]
    return np.mean([list(a) == list(b) for a, b in zip(written, answers)])
