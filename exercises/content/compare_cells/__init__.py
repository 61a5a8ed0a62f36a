"""C4: RNN, LSTM and GRU compared."""
