"""A5: how gradients flow through the cell state."""
