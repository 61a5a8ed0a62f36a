"""The debugger for a learner's LSTM, GRU or RNN: see ``compare``."""
