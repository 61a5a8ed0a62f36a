"""Day 14, exercise 7: from one sequence to another."""

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
        inputs, lengths, targets = make_batch(rng, 32, reverse)
        _, dlogits = loss_and_gradient(model.forward(inputs, lengths, targets), targets)
        gradients = model.backward(dlogits)
        for name in model.WEIGHTS:
            g = gradients["d" + name]
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.99 * v[name] + 0.01 * g**2
            update = m[name] / (1 - 0.9**step) / (np.sqrt(v[name] / (1 - 0.99**step)) + 1e-8)
            setattr(model, name, getattr(model, name) - lr * update)


def decoder_inputs(targets):
    start = np.full((1, targets.shape[1]), START)
    read = np.concatenate([start, targets[:-1]])
    return np.where(read < 0, END, read)


def loss_and_gradient(logits, targets):
    counted = targets >= 0
    shifted = logits - logits.max(axis=2, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    one_hot = np.eye(logits.shape[2])[targets]
    count = counted.sum()
    loss = -(log_p * one_hot)[counted].sum() / count
    dlogits = (np.exp(log_p) - one_hot) * counted[:, :, None] / count
    return loss, dlogits


class Seq2Seq:
    WEIGHTS = ("W_encoder", "b_encoder", "W_decoder", "b_decoder", "W_out", "b_out")

    def __init__(self, hidden_size, seed=0):
        rng, H = np.random.default_rng(seed), hidden_size
        for name in ("encoder", "decoder"):
            setattr(self, "W_" + name, rng.normal(0.0, 0.2, (4 * H, H + SYMBOLS)))
            setattr(self, "b_" + name, np.repeat([0.0, 1.0, 0.0, 0.0], H))
        self.W_out, self.b_out = rng.normal(0.0, 0.2, (SYMBOLS, H)), np.zeros(SYMBOLS)

    def encode(self, inputs, lengths):
        h, c, self.encoder_cache = lstm_forward(inputs, None, None, self.W_encoder, self.b_encoder, lengths=lengths)
        return h[-1], c[-1]

    def forward(self, inputs, lengths, targets):
        h0, c0 = self.encode(inputs, lengths)
        read = decoder_inputs(targets)
        self.h, c, self.decoder_cache = lstm_forward(read, h0, c0, self.W_decoder, self.b_decoder)
        return self.h @ self.W_out.T + self.b_out

    def backward(self, dlogits):
        dh = dlogits @ self.W_out
        decoder = lstm_backward(dh, self.decoder_cache)
        none = np.zeros_like(self.encoder_cache["h"])
        encoder = lstm_backward(none, self.encoder_cache, decoder["dh0"], decoder["dc0"])
        return {
            "dW_encoder": encoder["dW"],
            "db_encoder": encoder["db"],
            "dW_decoder": decoder["dW"],
            "db_decoder": decoder["db"],
            "dW_out": np.einsum("tbv,tbh->vh", dlogits, self.h),
            "db_out": dlogits.sum(axis=(0, 1)),
        }

    def greedy(self, inputs, lengths, max_length):
        h, c = self.encode(inputs, lengths)
        read = np.full(len(lengths), START)
        written = [[] for _ in lengths]
        writing = [True for _ in lengths]
        for _ in range(max_length):
            hs, cs, _ = lstm_forward(read[None], h, c, self.W_decoder, self.b_decoder)
            h, c = hs[-1], cs[-1]
            read = (h @ self.W_out.T + self.b_out).argmax(axis=1)
            for n, symbol in enumerate(read):
                if symbol == END:
                    writing[n] = False
                if writing[n]:
                    written[n].append(int(symbol))
        return written


def exact_matches(written, targets):
    right = 0
    for n, own in enumerate(written):
        wanted = [symbol for symbol in targets[:, n] if symbol >= 0]
        right += [*own, END] == wanted
    return right / len(written)
