"""B1: a recurrent cell."""


class RNNCell:
    """h = tanh(W_hh · h_prev + W_xh · x + b)"""

    def __init__(self, input_size, hidden_size):
        """Make the arrays self.W_hh (H, H), self.W_xh (H, D) and self.b (H,)."""
        raise NotImplementedError("RNNCell.__init__")

    def forward(self, x, h_prev):
        """One step. x: (D,), h_prev: (H,). Returns the new state (H,)."""
        raise NotImplementedError("RNNCell.forward")
