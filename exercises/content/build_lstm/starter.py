"""Exercise 1: an LSTM from scratch.

    lstm-lab learn check build_lstm                              how far you are
    lstm-lab step hello --against exercise_01_build_lstm.py      your numbers beside the right ones
    python exercise_01_build_lstm.py                             watch it learn, when all is written

D is the number of inputs, H of hidden units, V of outputs, T of steps. Vectors are (H,) or (D,), never (H, 1).
"""

import numpy as np

# Guess first, if you like; the check shows the true numbers beside yours.
guess_updates_until_hello = None  # updates until the network spells "ello " (16 units, learning rate 1)
guess_kept_after_50_steps = None  # the share of C that is left after 50 steps, if every gate stays at f = σ(1)

CELL_WEIGHTS = ["Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo"]


def sigmoid(a):
    """σ(a), entry by entry, for an array of any shape. It must not overflow at a = ±1000."""
    raise NotImplementedError("sigmoid")


def one_hot(symbol, size):
    """The vector (size,) with a 1 at the place symbol."""
    x = np.zeros(size)
    x[symbol] = 1.0
    return x


class LSTMCell:
    """One step: forward, and back."""

    def __init__(self, input_size, hidden_size):
        """Wf, Wi, Wc, Wo: (H, H+D), their columns in the order [h, x]. bf, bi, bc, bo: (H,)."""
        scale = 1 / np.sqrt(hidden_size)
        shape = (hidden_size, hidden_size + input_size)
        self.Wf = np.random.uniform(-scale, scale, shape)
        self.Wi = np.random.uniform(-scale, scale, shape)
        self.Wc = np.random.uniform(-scale, scale, shape)
        self.Wo = np.random.uniform(-scale, scale, shape)
        self.bf = np.zeros(hidden_size)  # step 4 of the task: is 0 a good place to start?
        self.bi = np.zeros(hidden_size)
        self.bc = np.zeros(hidden_size)
        self.bo = np.zeros(hidden_size)

    def forward(self, x, h_prev, c_prev):
        """One step from x (D,), h_prev (H,) and c_prev (H,).

        Returns h (H,), c (H,) and cache, a dictionary with "f", "i", "c_tilde", "o" (the gates after σ, the candidate
        after tanh; (H,) each) and whatever else backward needs.
        """
        raise NotImplementedError("LSTMCell.forward")

    def backward(self, dh, dc, cache):
        """One step back. dh (H,) and dc (H,) are ∂L/∂h and ∂L/∂c from everything that comes later.

        Returns a dictionary: "dWf", "dWi", "dWc", "dWo" (H, H+D), "dbf", "dbi", "dbc", "dbo" (H,), "dh_prev" (H,),
        "dc_prev" (H,), "dx" (D,).
        """
        raise NotImplementedError("LSTMCell.backward")


class LSTM:
    """The cell over a sequence of symbols, with a softmax at every step."""

    def __init__(self, input_size, hidden_size, output_size):
        """Wy: (V, H), by: (V,)."""
        self.cell = LSTMCell(input_size, hidden_size)
        scale = 1 / np.sqrt(hidden_size)
        self.Wy = np.random.uniform(-scale, scale, (output_size, hidden_size))
        self.by = np.zeros(output_size)

    def forward(self, inputs, targets, h_prev, c_prev):
        """Read the symbols inputs (T of them, 0 … D−1), starting from h_prev (H,) and c_prev (H,).

        Sets self.h_states and self.c_states: lists of T arrays (H,), the states after each step; and what backward
        needs. Returns the loss: the mean over the T steps of −ln p[target], in nats.
        """
        raise NotImplementedError("LSTM.forward")

    def backward(self):
        """Back through all steps of the last forward.

        Returns a dictionary: "dWf" … "dbo", "dWy", "dby", with the shapes of the weights, and "dh_prev", "dc_prev"
        (H,), the gradients of the states before the first step. The gradient is not clipped here.
        """
        raise NotImplementedError("LSTM.backward")

    def update_weights(self, grads, learning_rate, max_norm):
        """One step of gradient descent, with the ten weight gradients clipped by their global norm."""
        raise NotImplementedError("LSTM.update_weights")


def train_hello(updates=150, learning_rate=1.0):
    """Learn to say "ello " while "hello" is read."""
    letters = " ehlo"
    inputs, targets = [letters.index(c) for c in "hello"], [letters.index(c) for c in "ello "]
    lstm = LSTM(len(letters), 16, len(letters))
    for update in range(updates):
        loss = lstm.forward(inputs, targets, np.zeros(16), np.zeros(16))
        if update % 10 == 0:
            said = "".join(letters[np.argmax(lstm.Wy @ h + lstm.by)] for h in lstm.h_states)
            print(f"update {update:3}   loss {loss:.4f}   {said!r}")
        lstm.update_weights(lstm.backward(), learning_rate, max_norm=5.0)


if __name__ == "__main__":
    train_hello()
