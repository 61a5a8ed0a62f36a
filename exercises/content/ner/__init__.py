"""Exercise: named entities with a bidirectional LSTM."""
