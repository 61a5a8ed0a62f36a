"""Bonus 2: an LSTM whose gates see the memory."""
