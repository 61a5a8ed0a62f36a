"""A3: the gradient of the recurrent weights."""
