"""Day 14, exercise 7: an encoder reads, a decoder writes."""

import numpy as np

from lstm_ext import lstm_backward, lstm_forward

# Your guesses: the share of answers without any mistake, after 300 updates. The check measures them.
guess_copy = None  # write the letters again
guess_reverse = None  # write them backward
guess_longer = None  # write 8 letters backward, after training on 2 to 5

END, START = 0, 1  # letters are 2 … 9
SYMBOLS = 10


def make_batch(rng, batch_size, reverse, shortest=2, longest=5):
    """Letters to copy, or to write backward. Nothing to write here.

    Returns inputs (T, B), 0 beyond their lengths, lengths (B,), and targets (U, B): the answer, END, then −1.
    """
    lengths = rng.integers(shortest, longest + 1, batch_size)
    inputs = np.zeros((max(lengths), batch_size), int)
    targets = np.full((max(lengths) + 1, batch_size), -1)
    for n, length in enumerate(lengths):
        letters = rng.integers(2, SYMBOLS, length)
        inputs[:length, n] = letters
        targets[: length + 1, n] = [*(letters[::-1] if reverse else letters), END]
    return inputs, lengths, targets


def train(model, rng, reverse, updates, lr=0.02):
    """Adam, on a new batch in every update. Nothing to write here."""
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
    """What the decoder reads in training: (U, B). START, then the targets up to the last but one; END for −1."""
    raise NotImplementedError("decoder_inputs")


def loss_and_gradient(logits, targets):
    """Mean nats per symbol that counts (targets >= 0), and its gradient by the logits, (U, B, SYMBOLS)."""
    raise NotImplementedError("loss_and_gradient")


class Seq2Seq:
    """W_encoder, W_decoder: (4H, H+SYMBOLS); b_encoder, b_decoder: (4H,); W_out: (SYMBOLS, H); b_out: (SYMBOLS,)."""

    WEIGHTS = ("W_encoder", "b_encoder", "W_decoder", "b_decoder", "W_out", "b_out")

    def __init__(self, hidden_size, seed=0):
        rng, H = np.random.default_rng(seed), hidden_size
        for name in ("encoder", "decoder"):
            setattr(self, "W_" + name, rng.normal(0.0, 0.2, (4 * H, H + SYMBOLS)))
            setattr(self, "b_" + name, np.repeat([0.0, 1.0, 0.0, 0.0], H))
        self.W_out, self.b_out = rng.normal(0.0, 0.2, (SYMBOLS, H)), np.zeros(SYMBOLS)

    def encode(self, inputs, lengths):
        """h and c, each (B, H), after the last real symbol of each sequence."""
        raise NotImplementedError("Seq2Seq.encode")

    def forward(self, inputs, lengths, targets):
        """Logits (U, B, SYMBOLS) of each target, given the true ones before it."""
        raise NotImplementedError("Seq2Seq.forward")

    def backward(self, dlogits):
        """Gradients for the latest forward: a dictionary with "dW_encoder" … "db_out"."""
        raise NotImplementedError("Seq2Seq.backward")

    def greedy(self, inputs, lengths, max_length):
        """What the decoder writes by itself: a list of symbols for each sequence, without END.

        Each step takes the likeliest symbol and reads it next; a sequence is finished at END, or at max_length symbols.
        """
        raise NotImplementedError("Seq2Seq.greedy")


def exact_matches(written, targets):
    """The share of answers that are right in every symbol and end where they should. written: lists, as from greedy."""
    raise NotImplementedError("exact_matches")
