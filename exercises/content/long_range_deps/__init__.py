"""Exercise 4: remember the first character."""
