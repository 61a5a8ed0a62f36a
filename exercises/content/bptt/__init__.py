"""B2: backpropagation through time."""
