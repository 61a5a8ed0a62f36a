"""Exercise 5: a GRU from scratch, and a fair comparison with the LSTM."""
