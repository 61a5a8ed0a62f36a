"""Exercise 1: an LSTM from scratch."""
