"""Exercise 5: a GRU from scratch, and a fair comparison with the LSTM.

    lstm-lab learn check lstm_vs_gru         how far you are
    python exercise_05_lstm_vs_gru.py        your table and your conclusions, when all is written

D is the number of inputs, H of hidden units. Vectors are (H,) or (D,).
"""

import numpy as np

import lstm_ext

# Guess first, if you like; the check shows the measured numbers beside yours.
guess_parameters_saved = None  # the share of an LSTM layer's parameters that a GRU of as many units saves
guess_time_ratio = None  # the time of a GRU's training step, if the LSTM's is 1
guess_loss_gap = None  # GRU's loss on unseen text minus the LSTM's, in nats (32 units, 150 updates)


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


class GRUCell:
    """The textbook's GRU: reset before the product, and z is the share of what is new."""

    def __init__(self, input_size, hidden_size):
        """Wr, Wz, Wh: (H, H+D), their columns in the order [h, x]. br, bz, bh: (H,)."""
        scale = 1 / np.sqrt(hidden_size)
        shape = (hidden_size, hidden_size + input_size)
        self.Wr = np.random.uniform(-scale, scale, shape)
        self.Wz = np.random.uniform(-scale, scale, shape)
        self.Wh = np.random.uniform(-scale, scale, shape)
        self.br = np.zeros(hidden_size)
        self.bz = np.zeros(hidden_size)
        self.bh = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        """One step from x (D,) and h_prev (H,).

        Returns h (H,) and cache, a dictionary with "r", "z", "h_tilde" (H,) and whatever else backward needs.
        """
        raise NotImplementedError("GRUCell.forward")

    def backward(self, dh, cache):
        """One step back. dh (H,) is ∂L/∂h from everything that comes later.

        Returns a dictionary: "dWr", "dWz", "dWh" (H, H+D), "dbr", "dbz", "dbh" (H,), "dh_prev" (H,), "dx" (D,).
        """
        raise NotImplementedError("GRUCell.backward")


def pytorch_update_gate(Wz, bz):
    """The update gate's weights (H, H+D) and bias (H,) for PyTorch, whose z is 1 − z of the textbook. Returns both."""
    raise NotImplementedError("pytorch_update_gate")


def lstm_parameters(input_size, hidden_size):
    """How many numbers an LSTM layer learns, with one bias for each block."""
    raise NotImplementedError("lstm_parameters")


def gru_parameters(input_size, hidden_size):
    """How many numbers a GRU layer learns, with one bias for each block."""
    raise NotImplementedError("gru_parameters")


def gru_hidden_size(input_size, parameters):
    """The H with which gru_parameters(input_size, H) is closest to parameters."""
    raise NotImplementedError("gru_hidden_size")


def learn(cell, hidden_size, updates, learning_rate, seed):
    """Train a network with the lab's fast core, on Shakespeare but for the last 2 %. Leave this as it is.

    cell: "lstm" or "gru". Returns "train_loss" and "unseen_loss", in nats per character, and "milliseconds" per update.
    """
    options = {"cell": cell, "hidden_size": hidden_size, "lr": learning_rate, "seed": seed}
    options |= {"batch_size": 16, "seq_length": 32, "validation": 0.02}
    trainer = lstm_ext.RunConfig.from_options(options).trainer(lstm_ext.load_text("shakespeare"))
    end = trainer.run(steps=updates)
    milliseconds = 1000 * 16 * 32 / end.chars_per_second
    return {"train_loss": end.smoothed, "unseen_loss": end.val_loss, "milliseconds": milliseconds}


def compare(learn, input_size, hidden_size, updates, learning_rate, seeds):
    """Train three networks with each of the seeds: call learn(cell, hidden_size, updates, learning_rate, seed).

    "lstm" and "gru" have hidden_size units; "gru as large" has about as many parameters as the LSTM.
    Returns {"lstm": row, "gru": row, "gru as large": row}. A row is a dictionary with "hidden_size", "parameters" (of
    the recurrent layer), "loss" (on unseen text, the mean over the seeds), "spread" (largest minus smallest of these
    losses), "milliseconds" (per update, the median over the seeds).
    """
    raise NotImplementedError("compare")


def conclusions(table):
    """What follows from a table of compare.

    Returns {"parameters saved": the share of the LSTM's parameters that "gru" saves, "gru": verdict,
    "gru as large": verdict}. A verdict is "better" or "worse" than the LSTM, or "unclear".
    """
    raise NotImplementedError("conclusions")


if __name__ == "__main__":
    table = compare(learn, 65, 32, 150, 0.01, seeds=[1, 2, 3])
    for name, row in table.items():
        print(f"{name:<12}", *(f"{key} {value:.4g}  " for key, value in row.items()))
    print(conclusions(table))
