"""C6: what a cell state can hold."""
