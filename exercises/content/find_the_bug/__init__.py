"""After the last exercise: a network that learns, and has one wrong line in its backward pass."""
