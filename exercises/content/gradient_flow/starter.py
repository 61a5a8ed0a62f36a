"""B5: gradients, measured on their way back."""

# Your guesses, before you run anything: how many decades are lost 50 steps back in a fresh net with 32 units?
# −3 means that a thousandth of the gradient is left. The check measures them with your functions.
guess_rnn = None  # ∂L/∂h in a plain RNN
guess_lstm_0 = None  # ∂L/∂C in an LSTM with all biases 0
guess_lstm_1 = None  # with a forget bias of 1
guess_lstm_5 = None  # with a forget bias of 5


def flow_rnn(x, W, b, dh_last):
    """x: (T, D), W: (H, H+D), b: (H,), dh_last: (H,), the gradient at the last state; h starts at 0.

    Returns the T norms of ∂L/∂h_t.
    """
    raise NotImplementedError("flow_rnn")


def flow_lstm(x, W, b, dh_last):
    """x: (T, 1, D), W: (4H, H+D), b: (4H,), dh_last: (1, H). Returns {"dh": T norms, "dC": T norms}."""
    raise NotImplementedError("flow_lstm")


def flow_of_gates(x, W, b, dh_last):
    """The T norms of ∂L/∂C_t along the direct path alone: only forget gates multiply."""
    raise NotImplementedError("flow_of_gates")


def decades(norms, back):
    """log10 of the share that is left ``back`` steps before the last."""
    raise NotImplementedError("decades")
