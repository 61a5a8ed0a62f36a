"""B5: how gradients flow through an RNN and an LSTM."""
