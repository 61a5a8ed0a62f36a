"""A network's reading of a short text taken apart: every gate and every gradient, with the numbers."""
