"""Day 14, exercise 2: a language model."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer

# Your guesses, in bits per character of unseen Shakespeare. Knowing nothing costs log2(60) = 5.9.
guess_bigram = None  # counts of pairs of characters
guess_rnn = None  # a plain RNN with 48 units, three times over 60,000 characters
guess_lstm = None  # an LSTM with 48 units, the same


class Network:
    """A network on the lab's core. Nothing to write here. A state is an array, which you only pass on."""

    def __init__(self, num_symbols, cell="lstm", hidden_size=48, seed=0):
        self.model = LanguageModel(ModelConfig(num_symbols, hidden_size, num_symbols, cell=cell), seed=seed)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def zero_state(self, batch_size):
        """The state before the first character."""
        return self.model.zero_state(batch_size)

    def train(self, inputs, targets, state):
        """One update from inputs and targets (T, B). Returns the loss and the state after the last step."""
        state = state.copy()
        inputs, targets = (np.ascontiguousarray(array, np.int32) for array in (inputs, targets))
        loss = self.model.engine.forward(inputs, targets, state)
        self.model.engine.backward()
        self.optimizer.step()
        return loss, state

    def scores(self, inputs, state):
        """Read inputs (T, B). Returns the scores of what comes next (T, B, V), and the state after the last step."""
        state = state.copy()
        self.model.engine.forward(np.ascontiguousarray(inputs, np.int32), None, state, keep=False)
        return self.model.engine.logits().astype(np.float64), state


def vocabulary(text):
    """The characters of the text, each once, in sorted order: a list."""
    raise NotImplementedError("vocabulary")


def encode(text, chars):
    """The number of each character in the list chars: integers (N,)."""
    raise NotImplementedError("encode")


def make_batches(symbols, batch_size, seq_length):
    """Cut symbols (N,) into batch_size lanes that are read side by side, seq_length steps at a time.

    Returns a list of (inputs, targets), each (T, batch_size); the last T may be smaller. Where a lane has ended, the
    target is -1.
    """
    raise NotImplementedError("make_batches")


def cross_entropy(scores, targets):
    """Mean nats per character. scores: (T, B, V), targets: (T, B), -1 where nothing counts."""
    raise NotImplementedError("cross_entropy")


def perplexity(nats):
    """Between how many equally likely characters a model hesitates that has this loss."""
    raise NotImplementedError("perplexity")


def bits_per_char(nats):
    """The same loss in bits."""
    raise NotImplementedError("bits_per_char")


def bigram_loss(train, unseen, num_symbols):
    """Mean nats per character of unseen[1:], given the character before, by counts of pairs in train plus one each."""
    raise NotImplementedError("bigram_loss")


def learn(network, batches, epochs):
    """Train on all batches, epochs times over. Returns the losses, one for each update."""
    raise NotImplementedError("learn")


def evaluate(network, symbols, seq_length):
    """Mean nats per character of symbols[1:], read in one lane, seq_length steps at a time."""
    raise NotImplementedError("evaluate")


def sample(network, prime, length, temperature, rng):
    """Read the symbols of prime, then draw: the drawn symbols (length,). At temperature 0: always the likeliest."""
    raise NotImplementedError("sample")


def main():
    """Train on Shakespeare and write something."""
    from lstm_ext import load_text

    shakespeare = load_text("shakespeare")
    text = shakespeare.vocabulary.decode(shakespeare.symbols[:300_000])
    chars = vocabulary(text)
    symbols = encode(text, chars)
    train, unseen = symbols[:270_000], symbols[270_000:]
    network = Network(len(chars), hidden_size=128)
    for epoch in range(5):
        learn(network, make_batches(train, 16, 50), 1)
        nats = evaluate(network, unseen, 50)
        print(f"epoch {epoch + 1}: {bits_per_char(nats):.3f} bits per character, perplexity {perplexity(nats):.2f}")
    drawn = sample(network, encode("ROMEO:", chars), 300, 0.8, np.random.default_rng(1))
    print("ROMEO:" + "".join(chars[n] for n in drawn))


if __name__ == "__main__":
    main()
