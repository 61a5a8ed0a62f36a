"""Exercise 3: take a gate away and measure what it was worth."""
