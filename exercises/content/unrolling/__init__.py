"""A2: unrolling through time."""
